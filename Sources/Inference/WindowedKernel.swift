internal import CKernels

/// A kernel's arguments that say where a window lies on a map, and where its results go.
protocol WindowedKernel {
    var input_height: Int { get set }
    var input_width: Int { get set }
    var output_height: Int { get set }
    var output_width: Int { get set }
    var kernel_height: Int { get set }
    var kernel_width: Int { get set }
    var stride_height: Int { get set }
    var stride_width: Int { get set }
    var padding_height: Int { get set }
    var padding_width: Int { get set }
}

extension WindowedKernel {
    /// From the map that is read to the one that is written, by `window`; its dilation is for those that have one.
    mutating func place(_ window: NetworkGraph.Window, from input: FeatureShape, to output: FeatureShape) {
        (input_height, input_width) = (input.height, input.width)
        (output_height, output_width) = (output.height, output.width)
        (kernel_height, kernel_width) = (window.kernel.height, window.kernel.width)
        (stride_height, stride_width) = (window.stride.height, window.stride.width)
        (padding_height, padding_width) = (window.padding.height, window.padding.width)
    }
}

extension lv_convolution: WindowedKernel {}
extension lv_grouped_convolution: WindowedKernel {}
extension lv_pooling: WindowedKernel {}
extension lv_quantised_convolution: WindowedKernel {}
extension lv_quantised_pooling: WindowedKernel {}
