// SPDX-License-Identifier: MIT
// As wrong.c, in a member function with a mangled name.
#include <cstdlib>

namespace shop {
struct Basket {
	__attribute__((noinline)) void drop(char *p, unsigned int n);
};

void Basket::drop(char *p, unsigned int n)
{
	free(p + n); // line: member
	__asm__ volatile("");
}
}

int main(int argc, char **)
{
	char *volatile p = static_cast<char *>(malloc(100));
	shop::Basket basket;

	free(p);
	basket.drop(p, unsigned(argc - 1));
	return 0;
}
