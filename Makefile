# SPDX-License-Identifier: MIT
#
# The build of libkmm. Everything it makes goes below $(BUILD).
#
#	sources ── CC ──> $(BUILD)/obj/*.o ─┬─> libkmm.a      one object, hidden names local
#	                                    ├─> libkmm.so.0   the API; defines no malloc
#	                                    └─> libkmm_malloc.so.0, kmm_malloc.o
#	                                                      the same and malloc; needs only libc
#	tools/kmm ── CC ──> $(BUILD)/kmm    the tool that looks at them from outside; needs elfutils, zlib
#	                                    and ncurses, and libmicrohttpd for one option
#
# One set of objects serves all of them, so what the tests link is what users
# get. A variant of the build (debug, sanitizers, clang) is this same file with
# another BUILD: the lanes of `make check` below.
#
# Nothing is executed while this file is read: on a bare machine `make check`
# must get as far as installing the compiler.

VERSION = 0.1.0
SOVERSION = 0

# For whoever builds. A change of these rebuilds what depends on them.
BUILD ?= build
CFLAGS ?= -O2 -g
LDFLAGS ?=
OBJCOPY ?= objcopy
NM ?= nm
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DESTDIR ?=
# DEBUG=1 checks our own invariants; SANITIZE=thread and the like instrument;
# WERROR=1 makes warnings errors, as all lanes do (a release should still build
# with the compilers of ten years from now).
DEBUG ?=
SANITIZE ?=
WERROR ?=

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

Q := $(if $(filter 1,$(V)),,@)
# For a make below this one that builds: all CPUs, unless -j was given.
jobs = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc))
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$1' '$2')

# Sources ---------------------------------------------------------------------

LIB_SRCS :=			\
	lib/addr_map.c		\
	lib/anchor.c		\
	lib/backtrace.c		\
	lib/cmdline.c		\
	lib/debug.c		\
	lib/dwarf_expr.c	\
	lib/fault_inject.c	\
	lib/eh_frame.c		\
	lib/gate.c		\
	lib/host.c		\
	lib/lock.c		\
	lib/module.c		\
	lib/module_log.c	\
	lib/percpu.c		\
	lib/printk.c		\
	lib/stack_memo.c	\
	lib/stack_view.c	\
	lib/stackdepot.c	\
	lib/tally.c		\
	lib/treap.c		\
	lib/unwind.c		\
	lib/unwind_rules.c

MM_SRCS :=			\
	mm/alloc_tag.c		\
	mm/bad_free.c		\
	mm/barn.c		\
	mm/buddy.c		\
	mm/calltrace.c		\
	mm/fail_page_alloc.c	\
	mm/failslab.c		\
	mm/heap_profile.c	\
	mm/huge_memory.c	\
	mm/kfence.c		\
	mm/kfence_pool.c	\
	mm/kfence_report.c	\
	mm/kfence_sample.c	\
	mm/kfence_signal.c	\
	mm/kmalloc.c		\
	mm/kmalloc_caches.c	\
	mm/kmalloc_fit.c	\
	mm/kmemleak.c		\
	mm/mm_init.c		\
	mm/page_alloc.c		\
	mm/page_owner.c		\
	mm/page_poison.c	\
	mm/page_ref.c		\
	mm/page_reporting.c	\
	mm/page_run.c		\
	mm/pcp.c		\
	mm/probes.c		\
	mm/report_format.c	\
	mm/sheaf.c		\
	mm/sheaf_exit.c		\
	mm/sheaf_flush.c	\
	mm/sheaf_look.c		\
	mm/slab_common.c	\
	mm/slabinfo.c		\
	mm/slub.c		\
	mm/slub_debug.c		\
	mm/slub_debug_param.c	\
	mm/slub_geometry.c	\
	mm/slub_look.c		\
	mm/slub_report.c	\
	mm/sparse.c		\
	mm/util.c		\
	mm/vmalloc.c		\
	mm/vmap_area.c		\
	mm/vmap_kept.c		\
	mm/vmstat.c		\
	mm/watch.c

MALLOC_SRCS :=			\
	lib/malloc/malloc.c	\
	lib/malloc/malloc_info.c	\
	lib/malloc/signal.c

# What only the shared library has.
SHIM_SRCS := lib/malloc/dlopen.c

# A command of kmm is a file here, and a line in kmm.h.
TOOL_SRCS := $(wildcard tools/kmm/*.c)
# The lab is a command of kmm with a directory of its own.
LAB_SRCS := $(wildcard tools/lab/*.c tools/lab/strategies/*.c)
TOOL_SRCS += $(LAB_SRCS)

# Every header in these two directories is public.
HEADERS := $(wildcard include/linux/*.h include/kmm/*.h)
MAN_PAGES := $(wildcard Documentation/man/*.[1-9])
# One more test needs no line here: main.c of the unit tests has their table.
UNIT_SRCS := $(wildcard test/unit/*.c)
STRESS_SRCS := $(wildcard test/stress/*.c)
BENCH_SRCS := $(wildcard test/bench/*.c)
EXAMPLE_SRCS := $(wildcard Documentation/examples/*.c)

OBJ := $(BUILD)/obj
# What few processes need comes last in the libraries. Of the rest, lib/often.ld
# has what every process uses.
RARE := $(addprefix lib/,addr_map anchor backtrace dwarf_expr eh_frame	\
	fault_inject module module_log stack_memo stack_view stackdepot tally	\
	treap unwind unwind_rules)						\
	$(addprefix mm/,alloc_tag bad_free calltrace fail_page_alloc failslab	\
	heap_profile kfence kfence_pool kfence_report kfence_sample		\
	kfence_signal kmemleak page_owner page_poison probes report_format	\
	sheaf_look slabinfo slub_debug slub_debug_param slub_look slub_report	\
	util vmalloc vmap_area vmap_kept vmstat)
RARE_SRCS := $(addsuffix .c,$(RARE))
OFTEN_SRCS := $(filter-out $(RARE_SRCS),$(LIB_SRCS) $(MM_SRCS))
KMM_OBJS := $(patsubst %.c,$(OBJ)/%.o,$(OFTEN_SRCS) $(RARE_SRCS))
MALLOC_OBJS := $(patsubst %.c,$(OBJ)/%.o,$(MALLOC_SRCS))
SHIM_OBJS := $(patsubst %.c,$(OBJ)/%.o,$(SHIM_SRCS))
TOOL_OBJS := $(patsubst %.c,$(OBJ)/%.o,$(TOOL_SRCS))
UNIT_OBJS := $(patsubst %.c,$(OBJ)/%.o,$(UNIT_SRCS))
STRESS_OBJS := $(patsubst %.c,$(OBJ)/%.o,$(STRESS_SRCS))
STRESS := $(patsubst %.c,$(BUILD)/%,$(STRESS_SRCS))
BENCH_OBJS := $(patsubst %.c,$(OBJ)/%.o,$(BENCH_SRCS))
BENCH_PROGRAMS := $(patsubst %,$(BUILD)/test/bench/%,run fast threads heap objects)
# What to hand to bench.py or bench_debug.py: --only NAME, --rounds N, --list.
BENCH ?=
WRONG_SRCS := $(wildcard test/wrong/*.c test/wrong/*.cc)
WRONG_NAMES := $(basename $(notdir $(WRONG_SRCS)))
WRONG := $(addprefix $(BUILD)/test/wrong/,$(WRONG_NAMES))
WRONG_ASAN := $(addprefix $(BUILD)/test/wrong/asan/,$(WRONG_NAMES))
UNIT := $(BUILD)/test/unit
# Libraries that test_module.c loads and unloads, one at a time: the same, but
# for the size of a frame, with and without a build-id.
PLUGINS := $(patsubst %,$(BUILD)/test/plugin-%.so,a b no-id-a no-id-b)
EXAMPLES := $(patsubst Documentation/examples/%.c,$(BUILD)/examples/%,$(EXAMPLE_SRCS))

# Flags -----------------------------------------------------------------------
#
# -fno-strict-aliasing: the same bytes are in turn the user's object, a link of
#	a freelist and another user's object of another type. That is the trade
#	of an allocator, and what type-based alias analysis assumes away.
# -fvisibility=hidden: only what the headers mark KMM_API is exported.
# -fno-semantic-interposition: exported functions call each other directly.
# -ftls-model=initial-exec: no call of __tls_get_addr(), which may allocate.
#	The thread-local block is small enough for dlopen() after the start.
# -ffunction-sections, -fdata-sections: for lib/often.ld, and for programs that
#	are linked with --gc-sections.
# -Wundef: a misspelt macro in #if would silently be 0.
# KMM_BUILD: struct page has its fields; see include/linux/mm_types.h.

KMM_CFLAGS := -std=gnu11 -Iinclude -DKMM_BUILD -fPIC -fvisibility=hidden		\
	-fno-strict-aliasing -fno-semantic-interposition		\
	-ftls-model=initial-exec -ffunction-sections -fdata-sections	\
	-Wall -Wextra -Wundef -Wshadow -Wstrict-prototypes		\
	-Wmissing-prototypes -Wvla -Wpointer-arith

# In malloc's own room the compiler must not know what malloc() is: it would
# make of malloc() and memset() in calloc() a call of calloc().
MALLOC_CFLAGS := -fno-builtin

# -z now:	no symbol is looked up in the middle of an allocation.
# -z defs:	nothing but libc is needed, or the link fails.
# -T often.ld:	what every process uses lies together; with it
# -z noseparate-code: in one segment of code and constants, beside what the
#		loader reads.
# -z nodelete:	dlclose() leaves the code where it is. Blocks outlive it, and
#		so do the fork handlers.
# -Bsymbolic-functions: see -fno-semantic-interposition. Not -Bsymbolic: a
#		program that is not PIC owns the copy of an exported variable.
# -z initfirst:	(the shim, since it is for one library per process) its
#		constructor registers the fork handlers before any other's: so
#		fork() closes the gate last. A handler of another library may
#		wait for a lock whose holder allocates.
# -ldl:		(the shim) before glibc 2.34, where dlsym() is.
# (A sanitizer's symbols come from the program.)
KMM_LDFLAGS := -shared -pthread -Wl,-z,now -Wl,-z,relro		\
	$(if $(SANITIZE),,-Wl,-z,defs)					\
	-Wl,-z,nodelete -Wl,-Bsymbolic-functions			\
	-Wl,-z,noseparate-code -Wl,-T,lib/often.ld

ifneq ($(DEBUG),)
KMM_CFLAGS += -DKMM_DEBUG=1
endif
ifneq ($(SANITIZE),)
KMM_CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all		\
	-fno-omit-frame-pointer
TEST_LDFLAGS := -fsanitize=$(SANITIZE)
endif
warnings_fatal := $(if $(filter 1,$(WERROR)),-Werror)

# What the library is built into ----------------------------------------------

SONAME := libkmm.so.$(SOVERSION)
MALLOC_SONAME := libkmm_malloc.so.$(SOVERSION)

ARTEFACTS :=				\
	$(BUILD)/libkmm.a		\
	$(BUILD)/libkmm.so		\
	$(BUILD)/libkmm_malloc.so	\
	$(BUILD)/kmm_malloc.o		\
	$(BUILD)/libkmm.pc		\
	$(BUILD)/libkmm-malloc.pc

.PHONY: all
all: $(ARTEFACTS) kmm ## build the libraries and kmm (the default)

# Rewritten only when its content changes; so a change of flags rebuilds, and a
# second `make` does nothing. The directory is in it for the debug information
# and the .pc files; whether there are the headers of Valgrind, SystemTap and
# libmicrohttpd, since what is built without them is not known to these; -Werror is
# not: it changes no output.
flags = $(CURDIR) $(CC) $(CFLAGS) $(KMM_CFLAGS) $(MALLOC_CFLAGS) $(LDFLAGS) $(KMM_LDFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@has=$$(for header in valgrind/memcheck.h sys/sdt.h; do \
		echo "#include <$$header>" | $(CC) $(CFLAGS) -E -x c - \
			>/dev/null 2>&1 && echo with || echo without; \
		echo $$header; done; \
		$(PKG_CONFIG) --exists libmicrohttpd 2>/dev/null && \
			echo with libmicrohttpd); \
	echo '$(flags)' $$has | cmp -s - $@ || echo '$(flags)' $$has >$@

.PHONY: FORCE
FORCE:

$(OBJ)/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KMM_CFLAGS) $(warnings_fatal) $(CFLAGS) $(test_cflags) \
		-MMD -MP -c -o $@ $<

$(MALLOC_OBJS) $(SHIM_OBJS): KMM_CFLAGS += $(MALLOC_CFLAGS)
# Calls that have to be jumps, whatever CFLAGS say.
$(SHIM_OBJS): test_cflags = -O2

# Of the probes' base address (sys/sdt.h) there is one in a program, whoever has
# brought it: the linker discards the others, and all probes must find that one.
shared_probes := --globalize-symbol=_.stapsdt.base

# A static library of plain objects would put names such as `host` and `zones`
# into every program. Joined into one object, what is hidden can be made local.
$(BUILD)/libkmm.a: $(KMM_OBJS)
	$(call say,AR,$@)
	$(Q)$(LD) -r -o $(OBJ)/libkmm.o $(KMM_OBJS)
	$(Q)$(OBJCOPY) --localize-hidden $(OBJ)/libkmm.o
	$(Q)$(OBJCOPY) $(shared_probes) $(OBJ)/libkmm.o
	@rm -f $@
	$(Q)$(AR) rcsD $@ $(OBJ)/libkmm.o

$(BUILD)/$(SONAME): $(KMM_OBJS) lib/libkmm.map lib/often.ld
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(KMM_LDFLAGS) $(LDFLAGS) -Wl,-soname,$(@F) \
		-Wl,--version-script=lib/libkmm.map -o $@ $(KMM_OBJS)

$(BUILD)/$(MALLOC_SONAME): $(KMM_OBJS) $(MALLOC_OBJS) $(SHIM_OBJS) \
		lib/malloc/exports.map lib/often.ld
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(KMM_LDFLAGS) $(LDFLAGS) -Wl,-soname,$(@F) \
		-Wl,-z,initfirst \
		-Wl,--version-script=lib/malloc/exports.map \
		-o $@ $(MALLOC_OBJS) $(SHIM_OBJS) $(KMM_OBJS) -ldl

$(BUILD)/libkmm.so: $(BUILD)/$(SONAME)
	@ln -sf $(<F) $@
$(BUILD)/libkmm_malloc.so: $(BUILD)/$(MALLOC_SONAME)
	@ln -sf $(<F) $@

# For static programs: an object, since libc.a may win against an archive. Its
# global names are the exports of the shim. Those that libkmm.a has as well are
# weak, so that a program may link that too: it is a second heap, and the one
# that they are about.
$(BUILD)/kmm_malloc.o: $(BUILD)/$(MALLOC_SONAME)
	$(call say,LD,$@)
	$(Q)$(LD) -r -o $@ $(KMM_OBJS) $(MALLOC_OBJS)
	$(Q)$(NM) -D --defined-only $< | sed 's/.* //; s/@.*//' >$(OBJ)/exports
	$(Q)$(OBJCOPY) --keep-global-symbols=$(OBJ)/exports \
		--wildcard --weaken-symbol=kmm_anchor \
		--weaken-symbol='kmemleak_*' $@
	$(Q)$(OBJCOPY) $(shared_probes) $@

# kmm. Who only wants the libraries needs neither elfutils nor ncurses. libstdc++
# is there for one function, see tools/kmm/symbols.c: by its run-time name, since
# the other one comes with g++. libkmm.a has the layout of the structs that kmm
# reads.
$(TOOL_OBJS): test_cflags = -D_GNU_SOURCE -Ilib -Imm
# The pages of kmm view and kmm lab are put in by the assembler.
$(OBJ)/tools/kmm/page.o $(OBJ)/tools/kmm/web.o: $(wildcard tools/kmm/web/*)
$(OBJ)/tools/lab/lab_page.o: $(wildcard tools/lab/web/*)
# kmm lab --serve is there if libmicrohttpd is, which it loads itself.
$(OBJ)/tools/lab/lab_server.o: test_cflags += $$(				\
	if $(PKG_CONFIG) --exists libmicrohttpd 2>/dev/null; then	\
	echo -DHAVE_LIBMICROHTTPD; $(PKG_CONFIG) --cflags libmicrohttpd; fi)

# The lab says where functions stand: as the sources have them now.
$(OBJ)/tools/lab/lab_lines.h: tools/lab/where.h tools/lab/lines.sh $(LIB_SRCS) \
		$(MM_SRCS) $(LAB_SRCS)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)tools/lab/lines.sh <$< >$@
$(OBJ)/tools/lab/where.o: $(OBJ)/tools/lab/lab_lines.h
$(OBJ)/tools/lab/where.o: KMM_CFLAGS += -I$(OBJ)/tools/lab

# How reports look is the library's knowledge, and no part of its interface.
$(BUILD)/kmm: $(TOOL_OBJS) $(OBJ)/mm/report_format.o $(BUILD)/libkmm.a
	$(call say,LD,$@)
	@ln -sfn $(CURDIR)/tools/lab $(@D)/lab
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) -o $@ $^ \
		-ldw -lelf -lz -lm -lncursesw -ltinfo -l:libstdc++.so.6 -pthread

.PHONY: kmm kmm-program
kmm-program: $(BUILD)/kmm
	@:
kmm: $(BUILD)/libkmm.a
	@if printf '#include <%s>\n' elfutils/libdwfl.h zlib.h ncurses.h | \
		$(CC) $(CFLAGS) -E -x c - >/dev/null 2>&1; then \
		$(MAKE) --no-print-directory kmm-program; \
	else \
		echo '  kmm is not built: it needs packages libdw-dev, zlib1g-dev and libncurses-dev'; \
	fi

# pkg-config. $1: the lines that define prefix, libdir and includedir, and the
# directory that holds linux/ and kmm/; $2: the file.
define libkmm_pc
@printf '%s\n' $1 '' \
	'Name: libkmm' \
	'Description: page and slab allocators of the Linux kernel, in user space' \
	'Version: $(VERSION)' \
	'Cflags: -I$${headers}' \
	'Libs: -L$${libdir} -lkmm' \
	'Libs.private: -pthread' >$2
endef
# The linker would drop a library that only other libraries take malloc from.
define malloc_pc
@printf '%s\n' $1 'preload=$${libdir}/libkmm_malloc.so' \
	'object=$${libdir}/kmm_malloc.o' '' \
	'Name: libkmm-malloc' \
	'Description: malloc on the page and slab allocators of libkmm' \
	'Version: $(VERSION)' \
	'Libs: -Wl,--push-state,--no-as-needed -L$${libdir} -lkmm_malloc -Wl,--pop-state' >$2
endef

build_dirs = 'libdir=$(abspath $(BUILD))' 'headers=$(CURDIR)/include'

$(BUILD)/libkmm.pc: Makefile $(BUILD)/flags
	$(call say,GEN,$@)
	$(call libkmm_pc,$(build_dirs),$@)
$(BUILD)/libkmm-malloc.pc: Makefile $(BUILD)/flags
	$(call say,GEN,$@)
	$(call malloc_pc,$(build_dirs),$@)

# Examples are compiled as a user would.
$(EXAMPLES): $(BUILD)/examples/%: Documentation/examples/%.c $(HEADERS) \
		$(BUILD)/libkmm.a
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Iinclude -Wall -Wextra -o $@ $< $(BUILD)/libkmm.a \
		-pthread

.PHONY: examples
examples: $(EXAMPLES) ## build the examples of Documentation/

.PHONY: demo
demo: ## install what it needs, build, and show the library at work
	@scripts/deps.sh demo
	$(Q)$(MAKE) --no-print-directory $(jobs) all examples
	$(Q)scripts/demo.sh $(BUILD)

# Installation ----------------------------------------------------------------

# An installed tree may be moved: its .pc files find the prefix from where they
# are themselves, as long as LIBDIR is below PREFIX.
empty :=
space := $(empty) $(empty)
libdir_below := $(patsubst $(PREFIX)/%,%,$(filter $(PREFIX)/%,$(LIBDIR)))
ifneq ($(libdir_below),)
pc_prefix := $${pcfiledir}/$(subst $(space),/,$(patsubst %,..,$(subst /, ,$(libdir_below)) pkgconfig))
else
pc_prefix := $(PREFIX)
endif
in_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$1)
install_dirs = 'prefix=$(pc_prefix)' 'libdir=$(call in_prefix,$(LIBDIR))' \
	'headers=$(call in_prefix,$(INCLUDEDIR))/kmm'

bin := $(DESTDIR)$(BINDIR)
libs := $(DESTDIR)$(LIBDIR)
headers := $(DESTDIR)$(INCLUDEDIR)/kmm
man := $(DESTDIR)$(MANDIR)
gdb := $(DESTDIR)$(PREFIX)/share/gdb
# Its scripts and traces: kmm looks for them from where it is itself.
lab := $(DESTDIR)$(PREFIX)/share/kmm/lab
LAB_SCRIPTS := $(wildcard tools/lab/scripts/*.lab)
LAB_TRACES := $(wildcard tools/lab/traces/*.trace)

.PHONY: install
install: all ## install to $(DESTDIR)$(PREFIX); also BINDIR, LIBDIR, INCLUDEDIR, MANDIR
	install -d $(headers)/linux $(headers)/kmm $(libs)/pkgconfig
	install -m 644 $(filter include/linux/%,$(HEADERS)) $(headers)/linux
	install -m 644 $(filter include/kmm/%,$(HEADERS)) $(headers)/kmm
	install -m 644 $(BUILD)/libkmm.a $(BUILD)/kmm_malloc.o $(libs)
	install -m 755 $(BUILD)/$(SONAME) $(BUILD)/$(MALLOC_SONAME) $(libs)
	ln -sf $(SONAME) $(libs)/libkmm.so
	ln -sf $(MALLOC_SONAME) $(libs)/libkmm_malloc.so
	if [ -e $(BUILD)/kmm ]; then install -D -m 755 -t $(bin) $(BUILD)/kmm; fi
	install -D -m 644 -t $(gdb) tools/gdb/kmm-gdb.py
	install -D -m 644 -t $(lab)/scripts $(LAB_SCRIPTS)
	install -D -m 644 -t $(lab)/traces $(LAB_TRACES)
	for page in $(MAN_PAGES); do \
		install -D -m 644 -t $(man)/man$${page##*.} $$page || exit 1; done
	$(call libkmm_pc,$(install_dirs),$(libs)/pkgconfig/libkmm.pc)
	$(call malloc_pc,$(install_dirs),$(libs)/pkgconfig/libkmm-malloc.pc)

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f $(addprefix $(libs)/,$(SONAME) libkmm.so libkmm.a \
		$(MALLOC_SONAME) libkmm_malloc.so kmm_malloc.o \
		pkgconfig/libkmm.pc pkgconfig/libkmm-malloc.pc)
	rm -f $(bin)/kmm
	rm -f $(patsubst include/%,$(headers)/%,$(HEADERS))
	for page in $(notdir $(MAN_PAGES)); do \
		rm -f $(man)/man$${page##*.}/$$page; done
	rm -f $(gdb)/kmm-gdb.py
	rm -rf $(lab)
	-rmdir $(DESTDIR)$(PREFIX)/share/kmm
	-rmdir $(headers)/linux $(headers)/kmm $(headers)

.PHONY: often
often: ## write lib/often.ld anew: what every process uses, to lie together
	$(variant) BUILD=$(BUILD)/often CFLAGS='$(CFLAGS) -DNVALGRIND' all \
		$(BUILD)/often/test/bench/heap $(BUILD)/often/test/bench/threads
	$(Q)scripts/often.py $(BUILD)/often >$(BUILD)/often.ld
	$(Q)mv $(BUILD)/often.ld lib/often.ld

# Documents ---------------------------------------------------------------------

# Warnings are errors. All is read again (-E), since of pages that did not change
# there would be none.
.PHONY: docs
docs: ## the book and the other documents as HTML, in $(BUILD)/docs
	@scripts/deps.sh docs
	$(call say,GEN,$(BUILD)/docs)
	$(Q)sphinx-build -q -E -W --keep-going -c Documentation -d $(OBJ)/docs \
		. $(BUILD)/docs
	@echo 'open $(BUILD)/docs/index.html'

.PHONY: pictures
pictures: all ## draw the pictures of the book again, as the lab draws them now
	$(Q)test/pictures.sh --update $(BUILD)

.PHONY: clean
clean: ## remove $(BUILD)
	rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.* ## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  V=1 shows commands. Variables: BUILD CC CFLAGS LDFLAGS DEBUG=1'
	@echo '  SANITIZE=thread WERROR=1 PREFIX BINDIR LIBDIR INCLUDEDIR MANDIR DESTDIR'

# Benchmark ---------------------------------------------------------------------
#
# The programs are what a user would write: of the library they see the public
# headers, and only objects links it. run is static: see there.

BENCH_FRAME := $(OBJ)/test/bench/bench.o

$(BUILD)/test/bench/run: $(OBJ)/test/bench/run.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -static $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/test/bench/objects: $(BUILD)/libkmm.a

$(filter-out %/run,$(BENCH_PROGRAMS)): $(BUILD)/test/bench/%: $(OBJ)/test/bench/%.o $(BENCH_FRAME)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -rdynamic -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -pthread

.PHONY: bench bench-quick
bench: ## install peers, run everything beside them (BENCH="--only NAME --rounds N")
	@scripts/deps.sh bench
	$(Q)$(MAKE) --no-print-directory $(jobs) all $(BENCH_PROGRAMS)
	$(Q)test/bench/bench.py --build $(BUILD) $(BENCH)
bench-quick: ## the same with less work, within four minutes
	$(Q)$(MAKE) --no-print-directory bench BENCH="--quick $(BENCH)"

# Wrong programs ----------------------------------------------------------------
#
# Each has one mistake, and is built as a user builds while looking for it. No
# inlining, so that each function of the source is in the stack; no builtins, so
# that the compiler neither sees the mistake nor optimizes on its grounds. Of
# DWARF 5 by clang, Debian's Valgrind understands little.
wrong_flags := -gdwarf-4 -O1 -fno-inline -fno-builtin -Wall -Wextra
wrong_compile = $(if $(filter %.cc,$<),$(CXX) -std=c++17,$(CC) -std=gnu11)	\
	$(wrong_flags) $(warnings_fatal)
define build_wrong
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(wrong_compile) $1 -o $@ $< -pthread
endef

$(BUILD)/test/wrong/%: test/wrong/%.c $(BUILD)/flags
	$(call build_wrong)
$(BUILD)/test/wrong/%: test/wrong/%.cc $(BUILD)/flags
	$(call build_wrong)
$(BUILD)/test/wrong/asan/%: test/wrong/%.c $(BUILD)/flags
	$(call build_wrong,-fsanitize=address -fno-omit-frame-pointer)
$(BUILD)/test/wrong/asan/%: test/wrong/%.cc $(BUILD)/flags
	$(call build_wrong,-fsanitize=address -fno-omit-frame-pointer)

.PHONY: bench-debug
bench-debug: ## wrong programs and slowdown under each debugging tool
	@scripts/deps.sh bench-debug
	$(Q)$(MAKE) --no-print-directory $(jobs) all $(WRONG) $(WRONG_ASAN) \
		$(BENCH_PROGRAMS)
	$(Q)test/wrong/bench_debug.py --build $(BUILD) $(BENCH)

# Tests -----------------------------------------------------------------------
#
# Tests see the insides of the library, so they link its objects and not
# libkmm.a, where the insides are local.

$(UNIT_OBJS): test_cflags = -Ilib -Imm $$($(PKG_CONFIG) --cflags check)
$(STRESS_OBJS): test_cflags = -Ilib -Imm

$(UNIT): $(UNIT_OBJS) $(KMM_OBJS) | $(PLUGINS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) -o $@ $^ \
		$$($(PKG_CONFIG) --libs check) -pthread -ldl

$(BUILD)/test/plugin-%.so: test/unit/plugin/plugin.c test/unit/plugin/plugin.ld \
		$(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(warnings_fatal) $(LDFLAGS) -shared -fPIC \
		-fomit-frame-pointer -DPLUGIN_FRAME=$(if $(filter %b,$*),600,200) \
		-Wl,-T,test/unit/plugin/plugin.ld \
		-Wl,--build-id=$(if $(filter no-id-%,$*),none,sha1) -o $@ $<

$(STRESS): $(BUILD)/%: $(OBJ)/%.o $(KMM_OBJS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(TEST_LDFLAGS) $(LDFLAGS) -o $@ $^ -pthread

# A lane is one way of testing. `make check` runs all of them, whether or not
# one fails, and says at the end which did.
LANES := unit debug fallback ladder pageshift cpus stress clang asan tsan \
	memcheck headers exports preload kmm install demo bench wrong docs labs
LANE_SECONDS ?= 600

# One lane after the other. A lane that hangs is killed with all its processes,
# which timeout does by a process group of its own; so ^C must be handed on.
# What a lane prints is kept, and shown as it comes; of those that fail the end
# tells once more what it was.
.PHONY: check
check: ## install what tests need, run every lane below, sum up
	@scripts/deps.sh check
	@mkdir -p $(BUILD)/lanes; summary= failed=; \
	trap 'kill $$pid; exit 130' INT TERM; \
	for lane in $(LANES); do \
		printf '\n== check-%s\n' $$lane; \
		start=$$(date +%s) result=ok log=$(BUILD)/lanes/$$lane.log; \
		: >$$log; \
		timeout $(LANE_SECONDS) $(MAKE) --no-print-directory $(jobs) \
			WERROR=1 check-$$lane </dev/null >$$log 2>&1 & pid=$$!; \
		tail -n +1 -s 0.2 -f --pid=$$pid $$log; \
		wait $$pid || { result=FAILED; failed="$$failed $$lane"; }; \
		seconds=$$(($$(date +%s) - start)); \
		summary="$$summary$$lane $$result $$seconds s\n"; \
	done; \
	for lane in $$failed; do \
		printf '\n== what failed in %s\n' $$lane; \
		grep -aE '^FAILED|:[FE]:|(error|BUG):|^WARNING:|\*\*\*' \
			$(BUILD)/lanes/$$lane.log | tail -n 30; \
	done; \
	printf '\n== summary\n'; \
	printf "$$summary" | awk '{ printf "  %-10s %-7s %4d s\n", $$1, $$2, $$3 }'; \
	if [ "$$failed" ]; then echo "failed:$$failed"; exit 1; fi; \
	echo 'all lanes passed'

# The same file again, for a variant of the build in a tree of its own.
variant = +$(Q)$(MAKE) --no-print-directory
# What test programs are run under, and which suites of the unit tests.
RUN ?=
SUITES ?=

.PHONY: check-unit
# Check's own limit is 4 s a test, which sanitizers need on a busy machine.
check-unit: $(UNIT) ## unit tests
	$(Q)CK_DEFAULT_TIMEOUT=60 $(RUN) $(UNIT) $(SUITES)

.PHONY: check-debug
check-debug: ## unit tests of a build that checks its own invariants
	$(variant) BUILD=$(BUILD)/debug DEBUG=1 check-unit

.PHONY: check-fallback
check-fallback: $(UNIT) ## unit tests without restartable sequences
	$(Q)GLIBC_TUNABLES=glibc.pthread.rseq=0 $(UNIT)

.PHONY: check-ladder
check-ladder: $(UNIT) ## unit tests with the fine kmalloc ladder
	$(Q)KMM_CMDLINE=kmalloc_ladder=fine $(UNIT)

.PHONY: check-pageshift
check-pageshift: $(UNIT) ## unit tests with pages of 16 and 64 KiB
	$(Q)CK_DEFAULT_TIMEOUT=60 KMM_CMDLINE=page_shift=14 $(UNIT)
	$(Q)CK_DEFAULT_TIMEOUT=60 KMM_CMDLINE=page_shift=16 $(UNIT)

.PHONY: check-cpus
check-cpus: $(UNIT) ## unit tests with 256 possible CPUs
	$(Q)CK_DEFAULT_TIMEOUT=60 KMM_CMDLINE=nr_cpus=256 $(UNIT)

.PHONY: check-stress
check-stress: $(STRESS) ## each stress program, once
	$(Q)for program in $(STRESS); do \
		echo "  RUN     $$program"; $(RUN) $$program || exit 1; done

.PHONY: check-clang
check-clang: ## all, unit tests and stress with clang
	$(variant) BUILD=$(BUILD)/clang CC=clang all check-unit check-stress

# Leaks are left to Valgrind: LeakSanitizer does not look into our objects, and
# would call lost what only they point to.
.PHONY: check-asan
check-asan: ## unit tests and stress under ASan and UBSan
	$(variant) BUILD=$(BUILD)/asan SANITIZE=address,undefined \
		ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
		check-unit check-stress

# TSan of gcc 12 knows few address layouts, and more random bits than 28, which
# new kernels take, do not fit it.
# A thread that ended before a fork() and was not joined yet counts as leaked in
# the child, which cannot join it.
.PHONY: check-tsan
check-tsan: ## unit tests and stress under TSan
	$(variant) BUILD=$(BUILD)/tsan SANITIZE=thread \
		RUN="$$(setarch -R true 2>/dev/null && echo setarch -R)" \
		TSAN_OPTIONS='die_after_fork=0 report_thread_leaks=0' \
		check-unit check-stress

# Fair: without that a thread that never sleeps can keep the others waiting for
# minutes.
# Without "possibly lost": of a forked child that is every stack and thread area
# of the parent's threads. Children count: they end by the same exit status.
memcheck := valgrind --quiet --fair-sched=try --error-exitcode=1 --leak-check=full \
	--show-leak-kinds=definite --errors-for-leak-kinds=definite

.PHONY: check-memcheck
check-memcheck: ## unit tests under Valgrind
	$(variant) CK_FORK=no RUN='$(memcheck)' check-unit

.PHONY: check-headers
check-headers: all ## each public header alone, as C and as C++
	$(Q)test/headers/run.sh $(BUILD)

.PHONY: check-exports
check-exports: all ## exported symbols and probes against the lists, and what fast paths look at
	$(Q)test/exports.sh $(BUILD)
	$(Q)test/fastpath.py $(BUILD)
	$(Q)CC='$(CC)' test/probes.py $(BUILD)

.PHONY: check-preload
check-preload: all ## real programs on the shim
	$(Q)test/preload/run.sh $(BUILD)/libkmm_malloc.so

.PHONY: check-kmm
check-kmm: all $(WRONG) ## the kmm command, and every command that documents show
	$(Q)CC='$(CC)' test/kmm/run.sh $(BUILD)
	$(Q)test/console.py $(BUILD) \
		$$(grep -l '^```console' README.md Documentation/*.md Documentation/book/*.md)
	$(Q)test/pictures.sh $(BUILD)

.PHONY: check-install
check-install: all ## install, then build and run the examples from there
	$(Q)MAKE='$(MAKE)' CC='$(CC)' test/install.sh $(BUILD)

.PHONY: check-demo
check-demo: all examples ## what make demo shows
	$(Q)scripts/demo.sh $(BUILD) && echo '1 passed, 0 failed' || \
		{ echo '0 passed, 1 failed'; exit 1; }

.PHONY: check-bench
check-bench: all $(BENCH_PROGRAMS) ## the benchmark runs; its figures are no test
	$(Q)test/bench/smoke.sh $(BUILD)

.PHONY: check-wrong
check-wrong: all $(WRONG) $(BENCH_PROGRAMS) ## what the shim says of wrong programs
	$(Q)test/wrong/run.sh $(BUILD)

.PHONY: check-docs
check-docs: all ## what the documents claim, and that they become HTML
	$(Q)test/docs.sh $(BUILD)
	@if scripts/deps.sh --have docs; then \
		$(MAKE) --no-print-directory docs && echo '1 passed, 0 failed' || \
			{ echo '0 passed, 1 failed'; exit 1; }; \
	else \
		echo 'Sphinx, myst-parser or furo is not installed: no HTML is made'; \
	fi

.PHONY: check-labs
check-labs: all ## the exercises: solutions, skeletons and mistakes
	@mkdir -p $(BUILD)/test/wrong
	$(Q)env -u MAKELEVEL -u MAKEFLAGS -u MFLAGS test/console.py $(BUILD)	\
		$$(grep -rl '^```console' Documentation/labs)
	$(Q)CC='$(CC)' test/labs/run.py $(BUILD)

-include $(patsubst %.o,%.d,$(KMM_OBJS) $(MALLOC_OBJS) $(SHIM_OBJS) $(TOOL_OBJS) \
	$(UNIT_OBJS) $(STRESS_OBJS) $(BENCH_OBJS))
