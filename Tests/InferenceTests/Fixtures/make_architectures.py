#!/usr/bin/env python3
"""What PyTorch computes with the named architectures, from their own publishers' code.

python make_architectures.py small                     writes inception-v4.json and xception.json beside this file
python make_architectures.py full ARCHITECTURE FOLDER  writes FOLDER/weights.pth, input.npy and expected.json at full width

Networks are timm's, their names of tensors compared with those of Cadene's pretrained-models. The small ones are the same
networks with every channel count scaled; weights and input are made by a generator that the tests repeat, so that no weights
need to be kept. Needs torch, numpy, timm 1.0 and, for small, pretrainedmodels 0.7.4.
"""
import hashlib
import json
import pathlib
import sys

import numpy as np
import torch
from timm.models.inception_v4 import inception_v4
from timm.models.xception import legacy_xception

WIDTH, CLASSES, SIZE, POINTS = 0.0625, 3, 299, 24
NETWORKS = {"inception-v4": inception_v4, "xception": legacy_xception}
# Of the module's result to the graph's node.
STAGES = {
    "inception-v4": {"features.0": "features.0.relu", "features.3": "features.3", "features.5": "features.5",
                     "features.9": "features.9", "features.10": "features.10", "features.17": "features.17",
                     "features.18": "features.18", "features.21": "features.21", "last_linear": "last_linear"},
    "xception": {"act2": "relu2", "block1": "block1", "block3": "block3", "block8": "block8", "block12": "block12",
                 "act4": "relu4", "fc": "last_linear"},
}


def uniform(name, count):
    """SplitMix64 in 0 ..< 1, seeded by the name's SHA-256."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def scaled(count, width):
    return max(4, round(count * width / 4) * 4)


def shrink(net, width):
    """Scales the channels; a convolution learns how many it reads when it is first run."""
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            outputs = scaled(module.out_channels, width)
            if module.groups > 1:
                module.groups = outputs
            def fit(module, inputs, outputs=outputs):
                shape = (outputs, inputs[0].shape[1] // module.groups, *module.kernel_size)
                if tuple(module.weight.shape) != shape:
                    module.weight = torch.nn.Parameter(torch.zeros(shape))
            module.register_forward_pre_hook(fit)
        elif isinstance(module, torch.nn.BatchNorm2d):
            count = scaled(module.num_features, width)
            module.num_features = count
            module.weight, module.bias = (torch.nn.Parameter(torch.zeros(count)) for _ in range(2))
            module.running_mean, module.running_var = torch.zeros(count), torch.ones(count)
        elif isinstance(module, torch.nn.Linear):
            def fit(module, inputs):
                if module.weight.shape[1] != inputs[0].shape[1]:
                    module.weight = torch.nn.Parameter(torch.zeros(module.weight.shape[0], inputs[0].shape[1]))
            module.register_forward_pre_hook(fit)
    with torch.no_grad():
        net(torch.zeros(1, 3, SIZE, SIZE))


def fill(net):
    """As `ArchitectureTests.value` does: He's bound where a ReLU follows, half its square for depthwise weights."""
    state = net.state_dict()
    for key, tensor in state.items():
        if key.endswith("num_batches_tracked"):
            continue
        unit = uniform(key.replace("fc.", "last_linear."), tensor.numel())
        if tensor.dim() > 1:
            fan_in = tensor[0].numel()
            values = (2 * unit - 1) * np.sqrt((3.0 if tensor.dim() == 4 and tensor.shape[1] == 1 else 6.0) / fan_in)
        elif key.endswith("running_var") or (key.endswith("weight") and tensor.dim() == 1):
            values = 0.75 + 0.5 * unit
        else:
            values = 0.2 * unit - 0.1
        tensor.copy_(torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape))


def picture():
    return torch.from_numpy((2 * uniform("input", 3 * SIZE * SIZE) - 1).astype(np.float32)).reshape(1, 3, SIZE, SIZE)


def results(net, x, names):
    found = {}
    hooks = [m.register_forward_hook(lambda m, i, o, name=name: found.update({names[name]: o.double().clone().flatten()}))
             for name, m in net.named_modules() if name in names]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return found


def tensors(net):
    lines = sorted(f"{k.replace('fc.', 'last_linear.')} {list(v.shape)}\n" for k, v in net.state_dict().items()
                   if not k.endswith("num_batches_tracked"))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def small():
    import pretrainedmodels
    cadene = {"inception-v4": pretrainedmodels.inceptionv4, "xception": pretrainedmodels.xception}
    for name, make in NETWORKS.items():
        digest = tensors(make(num_classes=1000))
        assert digest == tensors(cadene[name](num_classes=1000, pretrained=None)), name
        net = make(num_classes=CLASSES).eval()
        shrink(net, WIDTH)
        fill(net)
        x = picture()
        float32 = results(net, x, STAGES[name])
        float64 = results(net.double(), x.double(), STAGES[name])
        stages = []
        for node, values in float64.items():
            indices = np.linspace(0, values.numel() - 1, min(POINTS, values.numel())).astype(int).tolist()
            stages.append({"node": node, "pyTorchFloat32Error": (values - float32[node]).abs().max().item(),
                           "standardDeviation": values.std().item(), "indices": indices,
                           "values": [float(f"{values[i].item():.10g}") for i in indices]})
            print(node, values.std().item(), stages[-1]["pyTorchFloat32Error"])
        fixture = {"network": {"architecture": name, "width": WIDTH, "classes": CLASSES}, "size": SIZE,
                   "tensorsOf1000ClassesSHA256": digest, "stages": stages}
        path = pathlib.Path(__file__).parent / f"{name}.json"
        path.write_text(json.dumps(fixture, separators=(",", ":")).replace('{"node"', '\n{"node"') + "\n")


def full(name, folder):
    net = NETWORKS[name](num_classes=CLASSES).eval()
    fill(net)
    x = picture()
    torch.save(net.state_dict(), folder / "weights.pth")
    np.save(folder / "input.npy", x.numpy())
    with torch.no_grad():
        float32 = net(x)[0].tolist()
        float64 = net.double()(x.double())[0].tolist()
    (folder / "expected.json").write_text(json.dumps({"float32": float32, "float64": float64}))


if __name__ == "__main__":
    if sys.argv[1] == "full":
        full(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        small()
