def _hnc_open(file, name, parameter_bytes):
    # An export may be called like anything outside of this function: nothing here reads a name from there.
    from builtins import OverflowError, TypeError, ValueError, all, enumerate, int, isinstance, len, max, range, type, zip
    import ctypes
    import numbers
    import os

    import numpy as np

    folder = os.path.dirname(os.path.abspath(file))
    library = ctypes.CDLL(os.path.join(folder, f"lib{name}.so"))
    problems = {1: "a condition has a value outside its range, or one that is not finite", 2: "an index lies outside its range",
                3: "an address is wrong", 4: "a value is none of its column's categories",
                5: "a number is missing, or too large"}

    def memory(size):
        raw = np.empty(size + 16, np.uint8)
        start = -raw.ctypes.data % 16
        return raw[start:start + size]

    leading = []
    if parameter_bytes is not None:
        leading.append(memory(parameter_bytes))
        leading[0][:] = np.fromfile(os.path.join(folder, f"{name}.weights"), np.uint8)

    functions = {}

    def call(function, *arguments):
        """Arrays are given by their addresses, all others as values of ctypes."""
        if function not in functions:
            functions[function] = library[function]
        status = functions[function](*[ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray) else a for a in arguments])
        if status:
            raise ValueError(problems[status])

    def convert(name, value, dtype):
        """An array of that type, which may round floats, but changes no number otherwise."""
        if type(value) is np.ndarray and value.dtype == dtype and value.flags.carray:
            return value
        if np.ma.is_masked(value):
            raise ValueError(f"{name} has masked elements")
        try:
            given = np.asarray(value)
            if given.dtype.kind == "O":
                if not all(isinstance(one, (numbers.Number, np.bool_)) for one in given.flat):
                    raise TypeError("some elements are none")
                given = given.astype(np.float64)
        except (OverflowError, TypeError, ValueError) as problem:
            raise ValueError(f"{name} is no array of numbers: {problem}") from None
        if given.dtype.kind not in "biuf":
            raise ValueError(f"{name} is no array of numbers, but of {given.dtype}")
        with np.errstate(all="ignore"):
            taken = np.require(given, dtype, ["C", "A"])
            lost = np.isinf(taken) & np.isfinite(given) if taken.dtype.kind == "f" else taken != given
        if lost.any():
            raise ValueError(f"{name} holds {given[lost][0]}, which {dtype} cannot hold")
        return taken

    def check_shape(name, array, shape):
        if array.shape != shape:
            raise ValueError(f"{name} has the shape {array.shape}, but the model takes {shape}")
        return array

    def generate(function, size, workspace, *conditions):
        """The weights that conditions make."""
        arguments = [check_shape(name, convert(name, value, dtype), shape) for name, value, dtype, shape in conditions]
        weights = memory(size)
        call(function, *leading, *[a if a.ndim else ctypes.c_int32(int(a)) for a in arguments], weights, memory(workspace))
        return weights

    def check_weights(weights, size):
        if not isinstance(weights, np.ndarray) or weights.dtype != np.uint8 or weights.shape != (size,):
            raise ValueError("weights are not what the module generates for this export")
        if weights.flags.c_contiguous and weights.ctypes.data % 16 == 0:
            return weights
        aligned = memory(size)
        aligned[:] = weights
        return aligned

    def compute(function, workspace, result, *examples, weights=None, row=None, block=1):
        """The results of examples, `block` of them per call; 0: of any number, which the call says.
        weights: with how many bytes there must be. row: the number of the first example."""
        before = leading + ([] if weights is None else [check_weights(*weights)])
        arrays = [convert(name, value, dtype) for name, value, dtype, _ in examples]
        many = arrays != [] and arrays[0].ndim == len(examples[0][3]) + 1
        total = len(arrays[0]) if many else 1
        for (name, _, _, shape), array in zip(examples, arrays):
            check_shape(name, array, ((total,) if many else ()) + shape)
        step = block or max(total, 1)
        padded = -(-total // step) * step
        for i, (_, _, _, shape) in enumerate(examples):
            array = arrays[i].reshape((total,) + shape)
            arrays[i] = np.concatenate([array, np.repeat(array[-1:], padded - total, 0)]) if padded > total else array
        if row is not None:
            row = int(check_shape("row", convert("row", row, "int32"), ()))
            convert("row", row + total - 1, "int32")
        results, work = np.empty((padded,) + result[1], result[0]), memory(workspace)
        places = [(array.ctypes.data, array.nbytes // max(padded, 1)) for array in arrays + [results]]
        counted = [] if block else [ctypes.c_size_t(step)]
        for first in range(0, padded, step):
            *parts, place = [ctypes.c_void_p(start + first * size) for start, size in places]
            numbered = [] if row is None else [ctypes.c_int32(row + first)]
            call(function, *before, *parts, *numbered, *counted, place, work)
        return results[:total] if many else results[0, ...]

    return call, generate, compute
