// SPDX-License-Identifier: MIT
/*
 * Tests of lib/cmdline.c: what each kind of word stores, and the exact line
 * that each kind of mistake prints. A mistake stores nothing.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "unit.h"

static struct kmm_params saved;

static void save_params(void)
{
	saved = kmm_params;
}

static void restore_params(void)
{
	kmm_params = saved;
}

/* Parse; the text that it printed. */
static const char *parse(const char *cmdline)
{
	test_capture_begin(2);
	cmdline_parse(cmdline);
	return test_capture_end();
}

#define assert_parses(cmdline) ck_assert_str_eq(parse(cmdline), "")

/* @cmdline prints exactly @message and changes nothing. */
static void assert_refused(const char *cmdline, const char *message)
{
	struct kmm_params before = kmm_params;

	ck_assert_str_eq(parse(cmdline), message);
	ck_assert_mem_eq(&kmm_params, &before, sizeof(before));
}

START_TEST(params_unparsed_hold_defaults)
{
	const struct kmm_params expected = {
		.rseq = 1,
		.watermark_scale_factor = 10,
		.thp = THP_MADVISE,
		.thp_after = 128 << 20,
		.page_reporting = 1,
		.slab_max_order = 3,
		.slab_freelist_random = 0,
		.init_on_alloc = 0,
		.init_on_free = 0,
		.slab_debug = 0,
		.kmalloc_ladder = LADDER_KERNEL,
		.bad_free = BAD_FREE_ABORT,
		.report_fd = 2,
		.fail_verbose = 1,
		.kfence_num_objects = 255,
		.kfence_quarantine = 64 << 20,
	};

	const struct kmm_params booted = kmm_params;

	/* The library has booted with what the tests were started with. */
	kmm_params = expected;
	cmdline_parse(getenv("KMM_CMDLINE"));
	ck_assert_mem_eq(&kmm_params, &booted, sizeof(booted));
}
END_TEST

START_TEST(parse_nothing_prints_nothing)
{
	assert_refused(NULL, "");
	assert_refused("", "");
	assert_refused(" \t\n ", "");
}
END_TEST

START_TEST(parse_words_any_white_space_separates)
{
	assert_parses("  nr_cpus=3\tslab_max_order=5\n\nslab_merge ");
	ck_assert_uint_eq(kmm_params.nr_cpus, 3);
	ck_assert_uint_eq(kmm_params.slab_max_order, 5);
	ck_assert_uint_eq(kmm_params.slab_merge, 1);
}
END_TEST

START_TEST(parse_quotes_keep_blanks)
{
	assert_parses("trace=\"/tmp/a b\" init_on_free");
	ck_assert_str_eq(param_text(kmm_params.trace), "/tmp/a b");
	ck_assert_uint_eq(kmm_params.init_on_free, 1);
	assert_parses("init_on_free=0 \"trace=/tmp/c\td\"");
	ck_assert_str_eq(param_text(kmm_params.trace), "/tmp/c\td");
	ck_assert_uint_eq(kmm_params.init_on_free, 0);
	assert_parses("init_on_free=\"1\"");
	ck_assert_uint_eq(kmm_params.init_on_free, 1);
	/* An end without a quote is one; a quote inside stays. */
	assert_parses("trace=\"e f ");
	ck_assert_str_eq(param_text(kmm_params.trace), "e f ");
	assert_parses("trace=g\"h i\"");
	ck_assert_str_eq(param_text(kmm_params.trace), "g\"h i\"");
}
END_TEST

START_TEST(parse_uint_reads_c_notation)
{
	assert_parses("slab_min_objects=100");
	ck_assert_uint_eq(kmm_params.slab_min_objects, 100);
	assert_parses("slab_min_objects=0x1F");
	ck_assert_uint_eq(kmm_params.slab_min_objects, 31);
	assert_parses("slab_min_objects=0X2a");
	ck_assert_uint_eq(kmm_params.slab_min_objects, 42);
	assert_parses("slab_min_objects=017");
	ck_assert_uint_eq(kmm_params.slab_min_objects, 15);
	assert_parses("slab_min_objects=0");
	ck_assert_uint_eq(kmm_params.slab_min_objects, 0);
}
END_TEST

START_TEST(parse_size_reads_suffix)
{
	assert_parses("mem=64M zone_dma=16m zone_dma32=1G kernelcore=512k movablecore=1T");
	ck_assert_uint_eq(kmm_params.mem, 64UL << 20);
	ck_assert_uint_eq(kmm_params.zone_dma, 16UL << 20);
	ck_assert_uint_eq(kmm_params.zone_dma32, 1UL << 30);
	ck_assert_uint_eq(kmm_params.kernelcore, 512UL << 10);
	ck_assert_uint_eq(kmm_params.movablecore, 1UL << 40);
	assert_parses("mem=12345");
	ck_assert_uint_eq(kmm_params.mem, 12345);
}
END_TEST

START_TEST(parse_flag_presence_sets)
{
	assert_parses("slab_merge");
	ck_assert_uint_eq(kmm_params.slab_merge, 1);
}
END_TEST

START_TEST(parse_flag_values_set_and_clear)
{
	static const struct {
		const char *word;
		u64 value;
	} rows[] = {
		{ "rseq=0", 0 }, { "rseq=1", 1 }, { "rseq=off", 0 },
		{ "rseq=on", 1 }, { "rseq=n", 0 }, { "rseq=y", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		kmm_params.rseq = !rows[i].value;
		assert_parses(rows[i].word);
		ck_assert_uint_eq(kmm_params.rseq, rows[i].value);
	}
}
END_TEST

START_TEST(parse_slab_nomerge_inverts_slab_merge)
{
	kmm_params.slab_merge = 1;
	assert_parses("slab_nomerge");
	ck_assert_uint_eq(kmm_params.slab_merge, 0);
	assert_parses("slab_nomerge=0");
	ck_assert_uint_eq(kmm_params.slab_merge, 1);
	assert_parses("slab_nomerge=y");
	ck_assert_uint_eq(kmm_params.slab_merge, 0);
}
END_TEST

START_TEST(parse_choice_stores_index)
{
	assert_parses("kmalloc_ladder=fine bad_free=ignore");
	ck_assert_uint_eq(kmm_params.kmalloc_ladder, LADDER_FINE);
	ck_assert_uint_eq(kmm_params.bad_free, BAD_FREE_IGNORE);
	assert_parses("bad_free=warn");
	ck_assert_uint_eq(kmm_params.bad_free, BAD_FREE_WARN);
	assert_parses("kmalloc_ladder=kernel bad_free=abort");
	ck_assert_uint_eq(kmm_params.kmalloc_ladder, LADDER_KERNEL);
	ck_assert_uint_eq(kmm_params.bad_free, BAD_FREE_ABORT);
}
END_TEST

START_TEST(parse_dash_equals_underscore_in_names)
{
	assert_parses("slab-max-order=4 slab-nomerge min-free_kbytes=8");
	assert_parses("kfence.num_objects=12");
	ck_assert_uint_eq(kmm_params.kfence_num_objects, 12);
	ck_assert_uint_eq(kmm_params.slab_max_order, 4);
	ck_assert_uint_eq(kmm_params.min_free_kbytes, 8);
}
END_TEST

START_TEST(parse_last_word_wins)
{
	assert_parses("nr_cpus=1 nr_cpus=2");
	ck_assert_uint_eq(kmm_params.nr_cpus, 2);
	assert_parses("nr_cpus=3");
	ck_assert_uint_eq(kmm_params.nr_cpus, 3);
}
END_TEST

START_TEST(parse_bounds_are_inclusive)
{
	assert_parses("page_shift=12");
	assert_parses("page_shift=16");
	assert_parses("nr_cpus=4096 watermark_scale_factor=3000");
	assert_parses("watermark_scale_factor=1 slab_max_order=10");
	assert_parses("sheaf_capacity=1020 slab_min_order=0");
	ck_assert_uint_eq(kmm_params.page_shift, 16);
	ck_assert_uint_eq(kmm_params.watermark_scale_factor, 1);
	ck_assert_uint_eq(kmm_params.sheaf_capacity, 1020);
}
END_TEST

START_TEST(parse_default_outside_range_is_accepted)
{
	assert_parses("page_shift=14 page_shift=0");
	ck_assert_uint_eq(kmm_params.page_shift, 0);
}
END_TEST

START_TEST(parse_unknown_name_warns_and_skips)
{
	assert_refused("foo",
		"WARNING: KMM_CMDLINE: unknown parameter \"foo\" (KMM_CMDLINE=help lists them)\n");
	assert_refused("foo=bar=baz",
		"WARNING: KMM_CMDLINE: unknown parameter \"foo\" (KMM_CMDLINE=help lists them)\n");
	assert_refused("memory=1G",
		"WARNING: KMM_CMDLINE: unknown parameter \"memory\" (KMM_CMDLINE=help lists them)\n");
	assert_refused("me=1G",
		"WARNING: KMM_CMDLINE: unknown parameter \"me\" (KMM_CMDLINE=help lists them)\n");
	assert_refused("=1",
		"WARNING: KMM_CMDLINE: unknown parameter \"\" (KMM_CMDLINE=help lists them)\n");
	assert_refused("MEM=1G",
		"WARNING: KMM_CMDLINE: unknown parameter \"MEM\" (KMM_CMDLINE=help lists them)\n");
}
END_TEST

START_TEST(parse_unknown_name_leaves_neighbours)
{
	ck_assert_str_eq(parse("nr_cpus=2 foo slab_max_order=1"),
		"WARNING: KMM_CMDLINE: unknown parameter \"foo\" (KMM_CMDLINE=help lists them)\n");
	ck_assert_uint_eq(kmm_params.nr_cpus, 2);
	ck_assert_uint_eq(kmm_params.slab_max_order, 1);
}
END_TEST

START_TEST(parse_long_unknown_name_is_cut)
{
	char word[10001], expected[200];

	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	snprintf(expected, sizeof(expected),
		 "WARNING: KMM_CMDLINE: unknown parameter \"%.64s\" (KMM_CMDLINE=help lists them)\n",
		 word);
	assert_refused(word, expected);
}
END_TEST

START_TEST(parse_missing_value_warns)
{
	assert_refused("mem",
		"WARNING: KMM_CMDLINE: parameter \"mem\" needs a value (0..128T)\n");
	assert_refused("bad-free",
		"WARNING: KMM_CMDLINE: parameter \"bad_free\" needs a value (abort|warn|ignore)\n");
}
END_TEST

START_TEST(parse_out_of_range_warns)
{
	assert_refused("page_shift=11",
		"WARNING: KMM_CMDLINE: bad value in \"page_shift=11\" (page_shift takes 12..16)\n");
	assert_refused("page_shift=17",
		"WARNING: KMM_CMDLINE: bad value in \"page_shift=17\" (page_shift takes 12..16)\n");
	assert_refused("nr_cpus=4097",
		"WARNING: KMM_CMDLINE: bad value in \"nr_cpus=4097\" (nr_cpus takes 0..4096)\n");
	assert_refused("watermark_scale_factor=0",
		"WARNING: KMM_CMDLINE: bad value in \"watermark_scale_factor=0\" (watermark_scale_factor takes 1..3000)\n");
	assert_refused("slab_max_order=11",
		"WARNING: KMM_CMDLINE: bad value in \"slab_max_order=11\" (slab_max_order takes 0..10)\n");
	assert_refused("sheaf_capacity=1021",
		"WARNING: KMM_CMDLINE: bad value in \"sheaf_capacity=1021\" (sheaf_capacity takes 0..1020)\n");
	assert_refused("mem=129T",
		"WARNING: KMM_CMDLINE: bad value in \"mem=129T\" (mem takes 0..128T)\n");
}
END_TEST

/* Numbers that wrap round 64 bits must not come out small. */
START_TEST(parse_overflow_warns)
{
	assert_refused("nr_cpus=18446744073709551617",
		"WARNING: KMM_CMDLINE: bad value in \"nr_cpus=18446744073709551617\" (nr_cpus takes 0..4096)\n");
	assert_refused("nr_cpus=0x10000000000000001",
		"WARNING: KMM_CMDLINE: bad value in \"nr_cpus=0x10000000000000001\" (nr_cpus takes 0..4096)\n");
	assert_refused("mem=16777217T",
		"WARNING: KMM_CMDLINE: bad value in \"mem=16777217T\" (mem takes 0..128T)\n");
}
END_TEST

START_TEST(parse_malformed_value_warns)
{
	static const char *const words[] = {
		"nr_cpus=", "nr_cpus=x", "nr_cpus=1x", "nr_cpus=-1",
		"nr_cpus=0x", "nr_cpus=08", "nr_cpus=1K", "nr_cpus==1",
		"mem=", "mem=K", "mem=1KB", "mem=1.5G", "mem=64MM", "mem=1G\"",
		"rseq=", "rseq=2", "rseq=maybe", "rseq=onn",
		"slab_nomerge=2",
		"bad_free=", "bad_free=warning", "bad_free=war",
		"bad_free=abort|warn", "bad_free=1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct kmm_params before = kmm_params;
		char start[100];
		const char *text;

		snprintf(start, sizeof(start),
			 "WARNING: KMM_CMDLINE: bad value in \"%s\" (",
			 words[i]);
		text = parse(words[i]);
		ck_assert_msg(!strncmp(text, start, strlen(start)),
			      "%s gave: %s", words[i], text);
		ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
		ck_assert_mem_eq(&kmm_params, &before, sizeof(before));
	}
}
END_TEST

/* Words of random bytes: no crash, and one line for each word at most. */
START_TEST(parse_random_bytes_survives)
{
	static const char letters[] =
		"slab_merge mem=page-shift=\t0x9KMGT|=,\"\x80\xff%sn";

	for (int i = 0; i < 300; i++) {
		char line[200];
		size_t words = 0, lines = 0;
		const char *text;

		for (size_t j = 0; j < sizeof(line) - 1; j++)
			line[j] = letters[test_random() % (sizeof(letters) - 1)];
		line[sizeof(line) - 1] = '\0';
		for (size_t j = 0; line[j]; j++)
			words += !isspace((unsigned char)line[j]) &&
				 (!j || isspace((unsigned char)line[j - 1]));
		for (text = parse(line); *text; text++)
			lines += *text == '\n';
		ck_assert_uint_le(lines, words);
	}
}
END_TEST

START_TEST(memparse_stops_after_suffix)
{
	static const struct {
		const char *s;
		u64 value;
		int used;
	} rows[] = {
		{ "0", 0, 1 },
		{ "64M", 64ULL << 20, 3 },
		{ "1k,2k", 1024, 2 },
		{ "0x10g rest", 16ULL << 30, 5 },
		{ "010K", 8192, 4 },
		{ "1T", 1ULL << 40, 2 },
		{ "7P", 7, 1 },
		{ "16777215T", 16777215ULL << 40, 9 },
		{ "16777216T", UINT64_MAX, 9 },
		{ "18446744073709551615", UINT64_MAX, 20 },
		{ "", 0, 0 },
		{ "M", 0, 0 },
		{ "-1", 0, 0 },
	};
	const char *end;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_uint_eq(memparse(rows[i].s, &end), rows[i].value);
		ck_assert_int_eq((int)(end - rows[i].s), rows[i].used);
	}
}
END_TEST

/* The line of @table that starts with @name and a blank. */
static const char *find_row(const char *table, const char *name)
{
	static char row[200];
	size_t len = strlen(name);

	for (const char *line = table; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && line[len] == ' ') {
			snprintf(row, sizeof(row), "%.*s",
				 (int)strcspn(line, "\n"), line);
			return row;
		}
	}
	ck_abort_msg("no row \"%s\" in: %s", name, table);
}

static const char *help_text(void)
{
	test_capture_begin(2);
	cmdline_help(2);
	return test_capture_end();
}

START_TEST(help_rows_show_range_default_current_unit)
{
	const char *text;

	assert_parses("mem=64M bad_free=warn slab_merge nr_cpus=1536");
	text = help_text();
	ck_assert_str_eq(find_row(text, "#"),
		"# name                  range                 default   now       unit        help");
	ck_assert_str_eq(find_row(text, "mem"),
		"mem                     0..128T               0         64M       bytes       most memory to take from the host for pages; 0: no limit");
	ck_assert_str_eq(find_row(text, "nr_cpus"),
		"nr_cpus                 0..4096               0         1536      CPUs        CPU numbers to prepare for; 0: the host's");
	ck_assert_str_eq(find_row(text, "bad_free"),
		"bad_free                abort|warn|ignore     abort     warn      -           what a wild or repeated free does after its report");
	ck_assert_str_eq(find_row(text, "slab_merge"),
		"slab_merge              0..1                  0         1         -           let caches of like objects share their slabs");
	ck_assert_str_eq(find_row(text, "slab_nomerge"),
		"slab_nomerge            0..1                  1         0         -           the opposite of slab_merge");
}
END_TEST

/* Every field of struct kmm_params has its row, and the columns line up. */
START_TEST(help_lists_every_parameter_aligned)
{
	static const size_t column[] = { 24, 46, 56, 66, 78 };
	size_t rows = 0, starts = 0;

	for (const char *line = help_text(); *line; rows++) {
		size_t len = strcspn(line, "\n");

		ck_assert_uint_gt(len, column[4]);
		for (size_t i = 0; i < ARRAY_SIZE(column); i++) {
			ck_assert_int_eq(line[column[i] - 1], ' ');
			starts += line[column[i]] != ' ';
		}
		line += len + 1;
	}
	ck_assert_uint_eq(rows, 1 + sizeof(struct kmm_params) / sizeof(u64) + 1);
	ck_assert_uint_eq(starts, rows * ARRAY_SIZE(column));
}
END_TEST

START_TEST(parse_help_prints_table_with_final_values)
{
	const char *text = parse("help nr_cpus=7");

	ck_assert_ptr_eq(strstr(text, "# name "), text);
	ck_assert_str_eq(find_row(text, "nr_cpus"),
		"nr_cpus                 0..4096               0         7         CPUs        CPU numbers to prepare for; 0: the host's");
}
END_TEST

Suite *suite_cmdline(void)
{
	Suite *s = suite_create("cmdline");
	TCase *tc;

	tc = tcase_create("parse");
	tcase_add_checked_fixture(tc, save_params, restore_params);
	tcase_add_test(tc, params_unparsed_hold_defaults);
	tcase_add_test(tc, parse_nothing_prints_nothing);
	tcase_add_test(tc, parse_words_any_white_space_separates);
	tcase_add_test(tc, parse_quotes_keep_blanks);
	tcase_add_test(tc, parse_uint_reads_c_notation);
	tcase_add_test(tc, parse_size_reads_suffix);
	tcase_add_test(tc, parse_flag_presence_sets);
	tcase_add_test(tc, parse_flag_values_set_and_clear);
	tcase_add_test(tc, parse_slab_nomerge_inverts_slab_merge);
	tcase_add_test(tc, parse_choice_stores_index);
	tcase_add_test(tc, parse_dash_equals_underscore_in_names);
	tcase_add_test(tc, parse_last_word_wins);
	tcase_add_test(tc, parse_bounds_are_inclusive);
	tcase_add_test(tc, parse_default_outside_range_is_accepted);
	tcase_add_test(tc, memparse_stops_after_suffix);
	suite_add_tcase(s, tc);

	tc = tcase_create("mistakes");
	tcase_add_checked_fixture(tc, save_params, restore_params);
	tcase_add_test(tc, parse_unknown_name_warns_and_skips);
	tcase_add_test(tc, parse_unknown_name_leaves_neighbours);
	tcase_add_test(tc, parse_long_unknown_name_is_cut);
	tcase_add_test(tc, parse_missing_value_warns);
	tcase_add_test(tc, parse_out_of_range_warns);
	tcase_add_test(tc, parse_overflow_warns);
	tcase_add_test(tc, parse_malformed_value_warns);
	tcase_add_test(tc, parse_random_bytes_survives);
	suite_add_tcase(s, tc);

	tc = tcase_create("help");
	tcase_add_checked_fixture(tc, save_params, restore_params);
	tcase_add_test(tc, help_rows_show_range_default_current_unit);
	tcase_add_test(tc, help_lists_every_parameter_aligned);
	tcase_add_test(tc, parse_help_prints_table_with_final_values);
	suite_add_tcase(s, tc);
	return s;
}
