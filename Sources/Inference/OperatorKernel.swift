internal import CKernels

/// A kernel that is not scheduled: one item for each block, row or image.
enum OperatorKernel {
    case groupedConvolution(lv_grouped_convolution)
    case elementwise(lv_elementwise)
    case binary(lv_binary)
    case channels(lv_channels)
    case responseNorm(lv_response_norm)
    case border(lv_border)
    /// A feature map to a vector or back.
    case layout(lv_layout)
    case strided(lv_strided)
    case softmaxRows(lv_softmax_rows)

    /// Where the values of the first image lie.
    struct Operands {
        var input: UnsafePointer<Float>
        /// The second input, where there is one.
        var other: UnsafePointer<Float>?
        var output: UnsafeMutablePointer<Float>
    }

    /// Floats from one image of a value to the next.
    var strides: (input: Int, other: Int, output: Int) {
        switch self {
        case .groupedConvolution(let kernel): (kernel.input_image_stride, 0, kernel.output_image_stride)
        case .elementwise(let kernel): (kernel.input_image_stride, 0, kernel.output_image_stride)
        case .binary(let kernel):
            (kernel.input_image_stride, kernel.other_image_stride, kernel.output_image_stride)
        case .channels(let kernel): (kernel.input_image_stride, 0, kernel.output_image_stride)
        case .responseNorm(let kernel): (kernel.input_image_stride, 0, kernel.output_image_stride)
        case .border(let kernel): (kernel.input_image_stride, 0, kernel.output_image_stride)
        case .layout(let kernel): (kernel.input_image_stride, 0, kernel.output_image_stride)
        case .strided(let kernel): (kernel.inputs, 0, kernel.outputs)
        case .softmaxRows(let kernel):
            (kernel.outer * kernel.length * kernel.inner, 0, kernel.outer * kernel.length * kernel.inner)
        }
    }

    func run(_ operands: Operands, batch: Int, _ pool: ThreadPool) {
        switch self {
        case .groupedConvolution(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, operands.output, batch)
            pool.run(lv_grouped_convolution_run, kernel, items: batch * kernel.output_blocks)
        case .elementwise(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, operands.output, batch)
            pool.run(lv_elementwise_run, kernel, items: batch * kernel.blocks)
        case .binary(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, operands.output, batch)
            kernel.other = operands.other
            pool.run(lv_binary_run, kernel, items: batch * kernel.blocks)
        case .channels(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, operands.output, batch)
            pool.run(lv_channels_run, kernel, items: batch * kernel.blocks)
        case .responseNorm(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, operands.output, batch)
            pool.run(lv_response_norm_run, kernel, items: batch * kernel.blocks)
        case .border(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, operands.output, batch)
            pool.run(lv_border_run, kernel, items: batch * kernel.blocks)
        case .layout(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, operands.output, batch)
            pool.run(lv_layout_run, kernel, items: batch * kernel.blocks)
        case .strided(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, operands.output, batch)
            pool.run(lv_strided_run, kernel, items: batch * kernel.extents.0)
        case .softmaxRows(var kernel):
            (kernel.input, kernel.output, kernel.batch) = (operands.input, operands.output, batch)
            pool.run(lv_softmax_rows_run, kernel, items: batch * kernel.outer)
        }
    }
}
