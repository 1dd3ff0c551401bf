# SPDX-License-Identifier: MIT
#
# Hashes of arrays, strings that grow, sorting and regular expressions.
#
# Usage: words.pl ROUNDS
use strict;
use warnings;

my $rounds = shift;
my %words;
my $state = 1;

for my $round (1 .. $rounds) {
	for (1 .. 2000) {
		$state = ($state * 1103515245 + 12345) % 2147483648;
		my $word = "w" . ($state >> 8) % 5003;
		push @{ $words{$word} }, "$round:$state";
	}
	for my $word (grep { length($_) % 4 == $round % 4 } keys %words) {
		my $text = join ",", @{ $words{$word} };
		$text =~ s/(\d+):(\d+)/$2-$1/g;
		$words{$word} = [ (split /,/, $text)[ 0 .. 2 ] ]
			if @{ $words{$word} } > 6;
	}
}
my @sorted = sort { @{ $words{$b} } <=> @{ $words{$a} } || $a cmp $b } keys %words;
print scalar(@sorted), " $sorted[0]\n";
