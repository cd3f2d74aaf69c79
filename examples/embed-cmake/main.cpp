// Learns to read digits from C++, with the instruction set that this processor has. learn digits.csv
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "digits.h"

namespace {

struct Pictures {
    std::vector<float> image;            // [count][64], 0 paper, 1 ink
    std::vector<std::int32_t> label;     // [count], 0..9
    int count() const { return static_cast<int>(label.size()); }
};

Pictures read_pictures(const char *path)
{
    Pictures all;
    std::ifstream file(path);
    std::vector<float> row(65);
    for (char comma; file;) {
        for (std::size_t i = 0; i < row.size() && file >> row[i]; i++)
            if (i < 64) file >> comma;
        if (!file) break;
        std::transform(row.begin(), row.end() - 1, std::back_inserter(all.image), [](float ink) { return ink / 16; });
        all.label.push_back(static_cast<std::int32_t>(row.back()));
    }
    return all;
}

// The entries of a model are data: this calls one of any model by its name.
const nn_entry &entry(const nn_model &model, const char *name)
{
    return *std::find_if(model.entries, model.entries + model.entry_count,
                         [name](const nn_entry &e) { return std::string(e.name) == name; });
}

}

int main(int argc, char **argv)
{
    const Pictures all = argc == 2 ? read_pictures(argv[1]) : Pictures();
    if (all.count() == 0) {
        std::fprintf(stderr, "usage: learn digits.csv\n");
        return 1;
    }
    const nn_model &model = *digits_select();
    const nn_entry &train = entry(model, "train"), &infer = entry(model, "infer");
    const int learned = all.count() * 4 / 5, batch = static_cast<int>(train.batch);
    std::vector<float> params(DIGITS_PARAM_FLOATS), grads(params.size()), first(params.size()), second(params.size());
    std::vector<char> workspace(std::max(train.workspace_bytes, infer.workspace_bytes));
    float loss = 0, accuracy[2] = {};
    digits_step_args step = {params.data(), grads.data(), first.data(), second.data(), 1, 2e-3f, 0.9f, 0.999f, 1e-8f, 0.0f};

    nn_call call = {};
    call.params = params.data();
    call.grads = grads.data();
    call.loss = &loss;
    call.metrics = accuracy;
    call.workspace = workspace.data();
    model.init(params.data(), 1);
    for (int epoch = 0; epoch < 30; epoch++)
        for (int i = 0; i < learned; i += batch, step.step++) {
            const void *inputs[] = {&all.image[static_cast<std::size_t>(i) * 64], &all.label[static_cast<std::size_t>(i)]};
            void *outputs[] = {nullptr};
            call.inputs = inputs;
            call.outputs = outputs;
            call.count = std::min(batch, learned - i);
            if (train.call(&call) != NN_OK || digits_step(&step) != NN_OK) return 1;
        }

    int right = 0;
    call.count = 1;
    for (int i = learned; i < all.count(); i++) {
        float logits[10];
        const void *inputs[] = {&all.image[static_cast<std::size_t>(i) * 64]};
        void *outputs[] = {logits};
        call.inputs = inputs;
        call.outputs = outputs;
        if (infer.call(&call) != NN_OK) return 1;
        right += std::max_element(logits, logits + 10) - logits == all.label[static_cast<std::size_t>(i)];
    }
    std::printf("%s: %d of %d unseen digits read right\n", model.target, right, all.count() - learned);
    return 0;
}
