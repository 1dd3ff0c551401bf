# SPDX-License-Identifier: MIT
# Hashes, strings, sorts and regular expressions; prints checksums.
use strict;
use warnings;

my (%count, @lines);
my $seed = 12345;

sub next_random {
	$seed = ($seed * 1103515245 + 12345) % 2147483648;
	return $seed;
}

for my $i (1 .. 60000) {
	my $word = join '', map { chr(97 + next_random() % 26) } 1 .. 3;
	$count{$word}++;
	push @lines, "$word " x (1 + $i % 4) if $i % 3 == 0;
}
my @top = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print scalar(@top), " words, first $top[0], last $top[-1]\n";

my $text = join "\n", @lines;
my $vowels = () = $text =~ /[aeiou]{2}/g;
(my $squeezed = $text) =~ s/(\w+) (?:\1 )+/$1+/g;
print length($text), " ", $vowels, " ", length($squeezed), "\n";

my %tree;
$tree{ substr($_, 0, 1) }{ substr($_, 1, 1) }{$_} = [split //, $_] for @top;
my $leaves = 0;
for my $a (sort keys %tree) {
	$leaves += keys %{ $tree{$a}{$_} } for sort keys %{ $tree{$a} };
}
print "$leaves leaves, checksum ", unpack("%32C*", $squeezed), "\n";
