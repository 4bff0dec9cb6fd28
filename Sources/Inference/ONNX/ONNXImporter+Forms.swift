/// The forms in which nodes of the network take an activation.
extension ONNXImporter {
    /// The activation with its scales and shifts as nodes.
    mutating func settled(_ activation: Activation) throws(ONNXRefusal) -> Activation {
        guard let first = activation.affines.first else { return activation }
        var base = activation
        base.affines = []
        base = activation.dims.count == 1 ? try vector(base) : try map(base)
        let norm: NetworkGraph.BatchNormParameters
        if let single = first.norm, activation.affines.count == 1 {
            norm = single
        } else {
            var (scale, shift) = (first.scale, first.shift)
            for next in activation.affines.dropFirst() {
                for i in scale.indices {
                    (scale[i], shift[i]) = (scale[i] * next.scale[i], shift[i] * next.scale[i] + next.shift[i])
                }
            }
            norm = affineNorm(base.node, scale, shift)
        }
        base.node = add(base.node + ".norm", .batchNorm(norm), [base.node])
        return base
    }

    /// A batch norm that is a scale and a shift.
    private mutating func affineNorm(
        _ name: String, _ scale: [Double], _ shift: [Double]
    ) -> NetworkGraph.BatchNormParameters {
        let dims = [scale.count]
        var norm = NetworkGraph.BatchNormParameters(prefix: name, epsilon: 0)
        norm.weight = parameter(name + ".scale", ONNXTensor(dims: dims, values: .floats(scale.map { Float($0) })), dims)
        norm.bias = parameter(name + ".shift", ONNXTensor(dims: dims, values: .floats(shift.map { Float($0) })), dims)
        norm.mean = parameter(name + ".zero", ONNXTensor(dims: dims, values: .repeated(0)), dims)
        norm.variance = parameter(name + ".one", ONNXTensor(dims: dims, values: .repeated(1)), dims)
        return norm
    }

    /// The activation as a vector.
    mutating func vector(_ activation: Activation) throws(ONNXRefusal) -> Activation {
        var result = try settled(activation)
        guard case .map = result.storage else { return result }
        let key = result.node + " vector"
        if changes[key] == nil { changes[key] = add(result.node + ".vector", .flatten, [result.node]) }
        result.node = changes[key]!
        result.storage = .vector(result.count)
        return result
    }

    /// The activation as the feature map that its extents say: channels, rows, columns, those that lack being 1.
    mutating func map(_ activation: Activation) throws(ONNXRefusal) -> Activation {
        var result = try settled(activation)
        let dims = result.dims
        guard 1...3 ~= dims.count else {
            throw .unsupported("a value of \(dims.count + 1) dimensions, batch and all, is no feature map")
        }
        let shape = FeatureShape(
            channels: dims[0], height: dims.count == 3 ? dims[1] : 1, width: dims.count > 1 ? dims[dims.count - 1] : 1)
        guard result.storage != .map(shape) else { return result }
        let flat = try vector(result)
        let key = flat.node + " \(shape.channels) \(shape.height) \(shape.width)"
        if changes[key] == nil { changes[key] = add(flat.node + ".map", .unflatten(shape), [flat.node]) }
        result.node = changes[key]!
        result.storage = .map(shape)
        return result
    }
}
