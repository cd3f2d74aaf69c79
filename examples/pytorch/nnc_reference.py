"""What `nnc compare` and `nnc run --weights` read, from any torch module.

    import nnc_reference
    nnc_reference.save_weights("weights.safetensors", module)
    nnc_reference.save_reference("reference.safetensors", module, inputs={"image": x},
                                 targets={"label": y}, output="logits", loss=cross_entropy)

Inputs go to the module in the order given; their names, and those of targets and the output, are the
names in the .nn file. `loss` is called with the module's output and the targets. Needs torch alone.
"""
import copy
import json
import struct

import torch


def write_safetensors(path, tensors):
    """Writes a dict of tensors: floats as F32, whole numbers as I32."""
    header, chunks, at = {}, [], 0
    for name, tensor in tensors.items():
        whole = not tensor.is_floating_point()
        tensor = tensor.detach().cpu().to(torch.int32 if whole else torch.float32).contiguous()
        data = bytes(tensor.numpy().data) if tensor.numel() else b""
        header[name] = {"dtype": "I32" if whole else "F32", "shape": list(tensor.shape),
                        "data_offsets": [at, at + len(data)]}
        chunks.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def save_weights(path, module):
    """Parameters and running statistics under their own names."""
    write_safetensors(path, {name: tensor for name, tensor in module.state_dict().items()
                             if not name.endswith("num_batches_tracked")})


def _record(module, tensors):
    """Hooks that keep the output of every named submodule which gives one tensor."""
    def hook(name):
        def keep(_, __, out):
            if torch.is_tensor(out) and name:
                tensors["act/" + name] = out.detach().clone()
        return keep
    return [m.register_forward_hook(hook(name)) for name, m in module.named_modules()]


def save_reference(path, module, inputs, targets=None, output="output", loss=None):
    """Runs the module once in inference and once in training mode, without dropout, and writes weights, batch,
    outputs of layers, loss and gradients. The module itself is not changed."""
    module, targets, tensors = copy.deepcopy(module), targets or {}, {}
    for part in module.modules():
        if "Dropout" in type(part).__name__:
            part.p = 0.0
    for name, parameter in module.named_parameters():
        tensors["param/" + name] = parameter.clone()
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point():
            tensors["state/" + name] = buffer.clone()
    tensors.update({"input/" + name: tensor for name, tensor in inputs.items()})
    tensors.update({"target/" + name: tensor for name, tensor in targets.items()})
    with torch.no_grad():
        tensors["infer/" + output] = module.eval()(*inputs.values())
    hooks = _record(module, tensors)
    result = module.train()(*inputs.values())
    for hook in hooks:
        hook.remove()
    tensors["output/" + output] = result
    if loss is not None:
        value = loss(result, *targets.values())
        module.zero_grad()
        value.backward()
        tensors["loss"] = value.reshape(1)
        tensors.update({"grad/" + name: parameter.grad for name, parameter
                        in module.named_parameters() if parameter.grad is not None})
    write_safetensors(path, tensors)
