# SPDX-License-Identifier: MIT
#
# The checker of one exercise; its Makefile sets LAB and includes this.
#
#	make check				checks skeleton.c
#	make check SOLUTION=mine.c		checks another file
#	make check SEED=17			repeats a run
#	make check JUNIT=/path/to/result.xml	and writes it for a grader
#
# Needs a C compiler and make, nothing else.

# In the tree of libkmm its build directory; else one beside the exercises.
BUILD ?= $(abspath $(if $(wildcard ../../../include/kmm),../../..,..)/build)
CFLAGS ?= -O1 -g
SOLUTION ?= skeleton.c
# Your own solutions of earlier exercises, where one builds on them.
PARTS ?=

out := $(BUILD)/labs/$(LAB)
comma := ,
wrap ?=
ldflags := $(addprefix -Wl$(comma)--wrap=,$(wrap))
program ?= $(out)/check
common ?= ../common/check.c ../common/junit.c $(extra)
JUNIT ?=

.PHONY: check
check:
	@mkdir -p $(out)
	@JUNIT="$(JUNIT)" ../common/build.sh $(LAB) \
		$(CC) -std=gnu11 $(CFLAGS) -Wall -Wextra -I. -I../common -o $(program) \
		$(SOLUTION) $(PARTS) check.c $(common) $(ldflags) -pthread
	@SEED=$(SEED) JUNIT="$(JUNIT)" $(program) </dev/null

.PHONY: clean
clean:
	@rm -rf $(out)
