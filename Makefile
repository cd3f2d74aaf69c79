# nnc: `make` builds build/nnc, `make test` runs every check a user should run. See README.md.

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN     = -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion
POSIX    = -D_POSIX_C_SOURCE=200809L
BUILD   ?= build
PKG      = pkg-config

ZLIB_CFLAGS := $(shell $(PKG) --cflags zlib 2>/dev/null && echo -DNN_HAVE_ZLIB)
ZLIB_LIBS   := $(shell $(PKG) --libs zlib 2>/dev/null)
BLAS_CFLAGS := $(shell $(PKG) --cflags openblas 2>/dev/null && echo -DNNC_HAVE_CBLAS)
BLAS_LIBS   := $(shell $(PKG) --libs openblas 2>/dev/null)

COMPILER_SRC = $(sort $(wildcard compiler/*/*.c))
RUNTIME_SRC  = $(sort $(wildcard runtime/*.c))
STDLIB       = $(sort $(wildcard compiler/stdlib/*.nn))
GRAMMAR_OBJ  = $(BUILD)/grammar/parse.o $(BUILD)/grammar/lex.o
COMPILER_OBJ = $(COMPILER_SRC:%.c=$(BUILD)/%.o) $(GRAMMAR_OBJ) $(BUILD)/embedded.o
RUNTIME_OBJ  = $(RUNTIME_SRC:%.c=$(BUILD)/%.o)
MAIN_OBJ     = $(BUILD)/compiler/driver/main.o
LIBNNC       = $(BUILD)/libnnc.a
LIBRUNTIME   = $(BUILD)/libnn.a
TESTS        = $(sort $(wildcard tests/test_*.c))
TEST_BIN     = $(TESTS:tests/%.c=$(BUILD)/tests/%)

all: $(BUILD)/nnc $(LIBRUNTIME)

$(BUILD)/nnc: $(MAIN_OBJ) $(LIBNNC) $(LIBRUNTIME)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(BLAS_LIBS) $(ZLIB_LIBS) -lpthread -lm

$(LIBNNC): $(filter-out $(MAIN_OBJ),$(COMPILER_OBJ))
	@rm -f $@
	$(AR) rcs $@ $^

$(LIBRUNTIME): $(RUNTIME_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/compiler/%.o: compiler/%.c | $(BUILD)/grammar/parse.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) $(POSIX) $(BLAS_CFLAGS) -Icompiler -Iruntime -I$(BUILD) -MMD -MP -c -o $@ $<

$(BUILD)/runtime/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) $(POSIX) $(ZLIB_CFLAGS) -Iruntime -MMD -MP -c -o $@ $<

$(BUILD)/grammar/parse.c $(BUILD)/grammar/parse.h &: grammar/nn.y
	@mkdir -p $(@D)
	bison -Werror --defines=$(BUILD)/grammar/parse.h -o $(BUILD)/grammar/parse.c $<

$(BUILD)/grammar/lex.c $(BUILD)/grammar/lex.h &: grammar/nn.l
	@mkdir -p $(@D)
	flex --header-file=$(BUILD)/grammar/lex.h -o $(BUILD)/grammar/lex.c $<

# flex and bison write code that -Wconversion dislikes; the rest of our warnings hold for it.
$(BUILD)/grammar/%.o: $(BUILD)/grammar/%.c $(BUILD)/grammar/parse.h $(BUILD)/grammar/lex.h
	$(CC) $(CFLAGS) $(filter-out -Wconversion,$(WARN)) -Wno-unused-function $(POSIX) -Icompiler -I$(BUILD) -MMD -MP -c -o $@ $<

# The standard library and the text that generated files share are real files, embedded as bytes.
EMBED = $(STDLIB) runtime/nn_model.h
$(BUILD)/embedded.c: $(EMBED) compiler/embed.sh
	@mkdir -p $(@D)
	sh compiler/embed.sh $(EMBED) > $@

$(BUILD)/embedded.o: $(BUILD)/embedded.c
	$(CC) $(CFLAGS) $(WARN) -Icompiler -c -o $@ $<

$(BUILD)/tests/%: tests/%.c $(LIBNNC) $(LIBRUNTIME) $(wildcard tests/*.h)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) $(POSIX) $(ZLIB_CFLAGS) -Icompiler -Iruntime -Itests -I$(BUILD) -o $@ $< $(LIBNNC) $(LIBRUNTIME) \
	    $(shell $(PKG) --cflags --libs cmocka) $(BLAS_LIBS) $(ZLIB_LIBS) -lpthread -lm

test: all $(TEST_BIN)
	@for t in $(TEST_BIN); do $$t || exit 1; done

# Damaged programs for the parser and the formatter, found by libFuzzer (needs clang).
FUZZ_SECONDS ?= 60
FUZZ_SRC = tests/fuzz_parse.c $(filter-out compiler/base/embedded.c,$(wildcard compiler/base/*.c compiler/ast/*.c))

$(BUILD)/fuzz_parse: $(FUZZ_SRC) $(BUILD)/grammar/parse.c $(BUILD)/grammar/lex.c
	clang -O1 -g -fsanitize=fuzzer,address,undefined -std=c11 $(POSIX) -Icompiler -Itests -I$(BUILD) -o $@ \
	    $(filter %.c,$^)

fuzz: $(BUILD)/fuzz_parse
	@mkdir -p $(BUILD)/fuzz-corpus
	$< -max_total_time=$(FUZZ_SECONDS) -max_len=4096 $(BUILD)/fuzz-corpus examples tests/bad tests/parse

clean:
	rm -rf $(BUILD)

-include $(COMPILER_OBJ:.o=.d) $(RUNTIME_OBJ:.o=.d) $(wildcard $(BUILD)/grammar/*.d)
.PHONY: all test clean fuzz
