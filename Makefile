# nnc: `make` builds build/nnc and build/libnn.a, `make test` runs the tests, `make demo` shows it all.
# Others: bench, bench-peers, docs, install, lint, check-sanitize, fuzz, fuzz-models, clean.

VERSION := $(shell sed -n 's/.*NNC_VERSION "\(.*\)"/\1/p' compiler/base/version.h)

CC       ?= cc
AR       ?= ar
CFLAGS   ?= -O2 -g
EVAL_CFLAGS =# of what the interpreter runs, behind the others
WARN      = -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion
POSIX     = -D_POSIX_C_SOURCE=200809L
BUILD    ?= build
PREFIX   ?= /usr/local
PKG       = pkg-config

# Optional libraries: zlib reads .gz files, OpenBLAS speeds the interpreter up (loaded when it is needed). WITH_ZLIB=
# leaves one out.
WITH_ZLIB   ?= $(shell $(PKG) --exists zlib 2>/dev/null && echo 1)
WITH_BLAS   ?= $(shell $(PKG) --exists openblas 2>/dev/null && echo 1)
ZLIB_CFLAGS := $(if $(WITH_ZLIB),$(shell $(PKG) --cflags zlib) -DNN_HAVE_ZLIB)
ZLIB_LIBS   := $(if $(WITH_ZLIB),$(shell $(PKG) --libs zlib))
BLAS_CFLAGS := $(if $(WITH_BLAS),$(shell $(PKG) --cflags openblas) -DNNC_HAVE_CBLAS)
LIBS         = $(ZLIB_LIBS) -lpthread -lm -ldl

COMPILER_SRC = $(sort $(wildcard compiler/*/*.c))
RUNTIME_SRC  = $(sort $(wildcard runtime/*.c))
STDLIB       = $(sort $(wildcard compiler/stdlib/*.nn))
TEMPLATES    = $(sort $(wildcard compiler/emit/templates/*))
GRAMMAR_OBJ  = $(BUILD)/grammar/parse.o $(BUILD)/grammar/lex.o
GRAMMAR_H    = $(BUILD)/grammar/parse.h $(BUILD)/grammar/lex.h
COMPILER_OBJ = $(COMPILER_SRC:%.c=$(BUILD)/%.o) $(GRAMMAR_OBJ) $(BUILD)/embedded.o
RUNTIME_OBJ  = $(RUNTIME_SRC:%.c=$(BUILD)/%.o)
MAIN_OBJ     = $(BUILD)/compiler/driver/main.o
LIBNNC       = $(BUILD)/libnnc.a
LIBRUNTIME   = $(BUILD)/libnn.a
TESTS        = $(sort $(wildcard tests/test_*.c))
TEST_BIN     = $(TESTS:tests/%.c=$(BUILD)/tests/%)
TEST_SH      = $(sort $(wildcard tests/test_*.sh))

# A line a step; V=1 shows the commands.
quiet = $(if $(V),,@printf '  %-5s %s\n' $(1) $@; )

all: $(BUILD)/nnc $(LIBRUNTIME)

# ---- what the objects were built with and the archives made of: files that change only when that does ----

stamp := $(shell mkdir -p $(BUILD))
stamp += $(shell echo '$(CFLAGS) $(EVAL_CFLAGS) $(WARN) $(ZLIB_CFLAGS) $(BLAS_CFLAGS)' > $(BUILD)/flags.new)
stamp += $(shell echo '$(COMPILER_SRC) $(RUNTIME_SRC) $(STDLIB) $(TEMPLATES)' > $(BUILD)/sources.new)
stamp += $(foreach f,flags sources,$(shell cmp -s $(BUILD)/$f.new $(BUILD)/$f || mv $(BUILD)/$f.new $(BUILD)/$f))

# ---- compiler and runtime ----

# Custom loaders, which nnc loads, call the runtime in it.
$(BUILD)/nnc: $(MAIN_OBJ) $(LIBNNC) $(LIBRUNTIME)
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) -rdynamic -o $@ $^ $(LIBS)

$(LIBNNC): $(filter-out $(MAIN_OBJ),$(COMPILER_OBJ)) $(BUILD)/sources
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $(filter %.o,$^)

$(LIBRUNTIME): $(RUNTIME_OBJ) $(BUILD)/sources
	@rm -f $@
	$(call quiet,AR)$(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/compiler/%.o: compiler/%.c $(BUILD)/flags | $(GRAMMAR_H)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(if $(filter compiler/ops/% compiler/interp/%,$<),$(EVAL_CFLAGS)) $(WARN) $(POSIX) \
	    $(BLAS_CFLAGS) -Icompiler -Iruntime -I$(BUILD) -MMD -MP -c -o $@ $<

$(BUILD)/runtime/%.o: runtime/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(WARN) $(POSIX) $(ZLIB_CFLAGS) -Iruntime -MMD -MP -c -o $@ $<

$(BUILD)/grammar/parse.c $(BUILD)/grammar/parse.h &: grammar/nn.y
	@mkdir -p $(@D)
	$(call quiet,BISON)bison -Werror --defines=$(BUILD)/grammar/parse.h -o $(BUILD)/grammar/parse.c $<

$(BUILD)/grammar/lex.c $(BUILD)/grammar/lex.h &: grammar/nn.l
	@mkdir -p $(@D)
	$(call quiet,FLEX)flex --header-file=$(BUILD)/grammar/lex.h -o $(BUILD)/grammar/lex.c $<

# flex and bison write code that -Wconversion dislikes; the rest of our warnings hold for it.
$(BUILD)/grammar/%.o: $(BUILD)/grammar/%.c $(GRAMMAR_H) $(BUILD)/flags
	$(call quiet,CC)$(CC) $(CFLAGS) $(filter-out -Wconversion,$(WARN)) -Wno-unused-function $(POSIX) -Icompiler -I$(BUILD) -MMD -MP -c -o $@ $<

# The standard library and the text that generated files share are real files, embedded as bytes.
EMBED = $(STDLIB) $(TEMPLATES) $(addprefix runtime/,nn_model.h nn_error.h nn_data.h nn_fitted.h nn_step.h)
$(BUILD)/embedded.c: $(EMBED) compiler/embed.sh $(BUILD)/sources
	@mkdir -p $(@D)
	$(call quiet,EMBED)sh compiler/embed.sh $(EMBED) > $@

$(BUILD)/embedded.o: $(BUILD)/embedded.c $(BUILD)/flags
	$(call quiet,CC)$(CC) $(CFLAGS) $(WARN) -Icompiler -c -o $@ $<

# ---- tests ----

$(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags | $(GRAMMAR_H)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(WARN) $(POSIX) $(ZLIB_CFLAGS) $(shell $(PKG) --cflags cmocka) -Icompiler -Iruntime -Itests -I$(BUILD) \
	    -MMD -MP -c -o $@ $<

$(TEST_BIN): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(LIBNNC) $(LIBRUNTIME)
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell $(PKG) --libs cmocka) $(LIBS)

# As many at a time as there are processors; JOBS=1 for one after the other.
test: all $(TEST_BIN)
	@BUILD='$(BUILD)' CC='$(CC)' CFLAGS='$(CFLAGS)' sh tests/run.sh $(TEST_BIN) $(TEST_SH)

# Rules of the source tree that no compiler checks, and its format.
lint:
	@sh tests/lint.sh

# The whole test suite under AddressSanitizer and UndefinedBehaviorSanitizer, the generated code that it runs alike
# (scalar and the widest target; not what tests build as users do). The interpreter's loops take most of the time: they
# alone are worth the compiler's.
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined
check-sanitize:
	@NNC_TEST_FLAGS='$(SANITIZE)' $(MAKE) BUILD=$(BUILD)/sanitize CFLAGS='-O1 -g $(SANITIZE)' EVAL_CFLAGS=-O2 test

# docs/operations.md from the tables of the compiler; the same test fails where it is out of date.
docs: $(BUILD)/tests/test_operations_page
	UPDATE=1 $<

# Damaged programs for the front end, and damaged files for the runtime, found by libFuzzer (needs clang).
FUZZ_SECONDS ?= 60
FUZZ_BIN      = $(BUILD)/fuzz_parse $(BUILD)/fuzz_elaborate $(BUILD)/fuzz_files
FUZZ_PARSE    = $(filter-out compiler/base/embedded.c,$(wildcard compiler/base/*.c compiler/ast/*.c)) \
                $(BUILD)/grammar/parse.c $(BUILD)/grammar/lex.c
FUZZ_FLAGS    = -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -std=c11 $(POSIX)

$(BUILD)/fuzz_parse: tests/fuzz_parse.c $(FUZZ_PARSE)
	$(call quiet,FUZZ)clang $(FUZZ_FLAGS) -Icompiler -Itests -I$(BUILD) -o $@ $^

FUZZ_ELABORATE = $(foreach part,ir ops elaborate passes kernel loop lower target emit,$(wildcard compiler/$(part)/*.c)) compiler/base/embedded.c \
                 $(BUILD)/embedded.c $(RUNTIME_SRC)

$(BUILD)/fuzz_elaborate: tests/fuzz_elaborate.c $(FUZZ_PARSE) $(FUZZ_ELABORATE)
	$(call quiet,FUZZ)clang $(FUZZ_FLAGS) $(ZLIB_CFLAGS) -Icompiler -Iruntime -Itests -I$(BUILD) -o $@ $^ $(ZLIB_LIBS) -lpthread -lm

$(BUILD)/fuzz_files: tests/fuzz_files.c $(RUNTIME_SRC)
	$(call quiet,FUZZ)clang $(FUZZ_FLAGS) $(ZLIB_CFLAGS) -Iruntime -Itests -o $@ $^ $(ZLIB_LIBS) -lpthread -lm

fuzz: $(FUZZ_BIN)
	@mkdir -p $(BUILD)/corpus/parse $(BUILD)/corpus/elaborate $(BUILD)/corpus/files
	$(BUILD)/fuzz_parse -max_total_time=$(FUZZ_SECONDS) -max_len=4096 $(BUILD)/corpus/parse examples tests/bad tests/parse
	$(BUILD)/fuzz_elaborate -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=20 $(BUILD)/corpus/elaborate examples \
	    tests/bad tests/elaborate tests/elaborate/gradients tests/found tests/torch tests/session
	$(BUILD)/fuzz_files -max_total_time=$(FUZZ_SECONDS) -max_len=4096 $(BUILD)/corpus/files

# Random networks: generated code under the sanitizers against the interpreter; on an emulated processor without them.
MODELS    ?= 500
ABROAD    ?= 40
SEED      ?= 1
MODEL_OBJ  = $(patsubst tests/%.c,$(BUILD)/tests/%.o,$(sort $(wildcard tests/models/*.c)))

$(BUILD)/tests/models/fuzz_models: $(MODEL_OBJ) $(LIBNNC) $(LIBRUNTIME)
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell $(PKG) --libs cmocka) $(LIBS)

fuzz-models: $(BUILD)/tests/models/fuzz_models
	BUILD='$(BUILD)' CC='$(CC)' $< -n $(MODELS) -s $(SEED)
	BUILD='$(BUILD)' CC='$(CC)' $< -n $(ABROAD) -s $(SEED) -t neon

# ---- speed: generated code against the peak of this machine, kernel by kernel ----

BENCH_MODELS ?= examples/mnist_mlp.nn
BENCH_OBJ     = $(patsubst tests/%.c,$(BUILD)/tests/%.o,$(sort $(wildcard tests/bench/*.c)))

$(BENCH_OBJ): $(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(WARN) $(POSIX) -Icompiler -Iruntime -I$(BUILD) -MMD -MP -c -o $@ $<

$(BUILD)/tests/bench/bench: $(BENCH_OBJ) $(LIBNNC) $(LIBRUNTIME)
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

BENCH_TARGETS ?= $(shell grep -qw avx2 /proc/cpuinfo && echo avx2)$(shell grep -qw avx512f /proc/cpuinfo && echo ,avx512)
bench: $(BUILD)/nnc
	$(foreach m,$(BENCH_MODELS),$< profile $m -o $(BUILD)/bench $(if $(BENCH_TARGETS),--target=$(BENCH_TARGETS)) &&) true

# PyTorch beside it, in its best mode: malloc keeps its memory, OpenBLAS finds the processor by itself.
PYTHON ?= /usr/bin/python3
bench-peers: $(BUILD)/tests/bench/bench
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE MALLOC_MMAP_THRESHOLD_=1073741824 \
	    MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=268435456 \
	    $(PYTHON) tests/bench/peers.py --bench $<

# ---- committed examples of generated code ----

# Each model for one target a directory; whoever changes what they show commits them with the change.
# Of the transformer what shows its attention, forward and backward: inference and training, without a main file.
GENERATED = $(foreach t,scalar avx2,$(foreach m,mnist_mlp regression char_gpt,$t/$m))
GENERATE  = $(BUILD)/nnc examples/$(notdir $(1)).nn --name=$(notdir $(1)) --target=$(patsubst %/,%,$(dir $(1))) \
            --optimizer=adam $(if $(filter %/char_gpt,$(1)),--entries=infer$(comma)train,--main) \
            -o $(2)/$(patsubst %/,%,$(dir $(1)))
comma    := ,

generated: $(BUILD)/nnc
	@mkdir -p generated
	$(foreach g,$(GENERATED),$(call GENERATE,$g,generated) &&) true

check-generated: $(BUILD)/nnc
	@rm -rf $(BUILD)/generated && mkdir -p $(BUILD)/generated
	@$(foreach g,$(GENERATED),$(call GENERATE,$g,$(BUILD)/generated) &&) true
	@diff -r generated $(BUILD)/generated >/dev/null || { diff -rq generated $(BUILD)/generated; \
	    echo 'generated/ is not what nnc writes: look at the difference, run make generated, commit it'; exit 1; }

# ---- use ----

# Trains the digits classifier, prints its test accuracy, then generated code beside the interpreter.
demo: all
	@echo '== nnc run: trains, and tells the accuracy on the fifth of the pictures that training has not seen'
	@$(BUILD)/nnc run examples/digits/digits.nn
	@echo '== nnc bench: the code that it generated, and interpreters of the same program'
	@$(BUILD)/nnc bench examples/digits/digits.nn

INSTALL_H = $(filter-out runtime/nn_simd.h runtime/nn_loaders.h,$(sort $(wildcard runtime/*.h)))
PLACE     = sed -e 's|@VERSION@|$(VERSION)|g' -e 's|@PREFIX@|$(PREFIX)|g' \
                -e 's|@ZLIB@|$(if $(WITH_ZLIB),zlib)|g'

install: all
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/include/nn' \
	    '$(DESTDIR)$(PREFIX)/lib/pkgconfig' '$(DESTDIR)$(PREFIX)/lib/cmake/nnc'
	install -m 755 $(BUILD)/nnc '$(DESTDIR)$(PREFIX)/bin/nnc'
	install -m 644 $(LIBRUNTIME) '$(DESTDIR)$(PREFIX)/lib/libnn.a'
	install -m 644 $(INSTALL_H) '$(DESTDIR)$(PREFIX)/include/nn'
	$(PLACE) runtime/install/nn.pc.in > '$(DESTDIR)$(PREFIX)/lib/pkgconfig/nn.pc'
	$(PLACE) runtime/install/nncConfig.cmake.in > '$(DESTDIR)$(PREFIX)/lib/cmake/nnc/nncConfig.cmake'
	$(PLACE) runtime/install/nncConfigVersion.cmake.in > '$(DESTDIR)$(PREFIX)/lib/cmake/nnc/nncConfigVersion.cmake'

uninstall:
	rm -f '$(DESTDIR)$(PREFIX)/bin/nnc' '$(DESTDIR)$(PREFIX)/lib/libnn.a' '$(DESTDIR)$(PREFIX)/lib/pkgconfig/nn.pc'
	rm -rf '$(DESTDIR)$(PREFIX)/include/nn' '$(DESTDIR)$(PREFIX)/lib/cmake/nnc'

clean:
	rm -rf $(BUILD)

-include $(COMPILER_OBJ:.o=.d) $(RUNTIME_OBJ:.o=.d) $(TEST_BIN:=.d) $(BENCH_OBJ:.o=.d) $(MODEL_OBJ:.o=.d)
.PHONY: all test lint check-sanitize bench bench-peers docs fuzz fuzz-models demo generated check-generated install uninstall clean
.SECONDARY: $(TEST_BIN:=.o)
.DELETE_ON_ERROR:
