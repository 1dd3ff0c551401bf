// SPDX-License-Identifier: MIT
// Something for g++ to work on: templates of the standard library in plenty.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <regex>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct level {
	std::map<std::string, std::vector<std::tuple<int, level<N - 1> *>>> map;
	std::variant<int, std::string, std::set<level<N - 1> *>> choice;

	int sum() const
	{
		int total = N;

		for (const auto &[key, list] : map)
			total += std::accumulate(
				list.begin(), list.end(), 0,
				[](int n, const auto &entry) {
					return n + std::get<0>(entry) +
					       std::get<1>(entry)->sum();
				});
		return total;
	}
};

template <> struct level<0> {
	int sum() const { return 0; }
};

int main()
{
	level<24> top;
	std::regex pattern("(a|b)*c+[0-9]{2,5}");
	std::unordered_map<std::string, std::function<int()>> calls;

	calls["sum"] = [&] { return top.sum(); };
	std::cout << calls["sum"]() << std::regex_match("abc123", pattern)
		  << "\n";
}
