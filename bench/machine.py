"""What this machine can do at best: its rate of fused multiply-adds and of memory, the two roofs of the roofline, and OpenBLAS's of
matrix products."""
import ctypes
import os
import shutil
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SWITCHES = ("OPENBLAS_", "GOTO_", "OMP_", "GOMP_", "KMP_", "MKL_", "DNNL_", "ONEDNN_", "XLA_")
SHAPES = ((1024, 1024, 1024), (512, 512, 512),  # m, n, k; those below are of W2 and W2s
          (128, 2400, 784), (128, 1200, 2400), (2400, 1200, 128), (128, 600, 784), (600, 784, 128))
ROW_MAJOR, NO_TRANSPOSE = 101, 111


def processor():
    with open("/proc/cpuinfo") as file:
        fields = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    return f"{fields['model name']} (family {fields['cpu family']}, model {fields['model']}), {os.cpu_count()} cores"


def clear_switches():
    """Takes out of the environment what makes libraries choose other kernels or threads; returns the names. Every system then finds
    the same environment."""
    names = sorted(name for name in os.environ if name.startswith(SWITCHES))
    for name in names:
        del os.environ[name]
    return names


def build_peak(folder):
    """bench/peak.c as a program of that folder; None without a C compiler."""
    program, compiler = os.path.join(folder, "peak"), shutil.which("cc")
    if compiler and not os.path.exists(program):
        flags = ["-O3", "-march=native", "-mprefer-vector-width=512", "-pthread"]
        subprocess.run([compiler, *flags, os.path.join(HERE, "peak.c"), "-o", program], check=True)
    return program if compiler else None


def peak_rate(program, threads, footprint=None):
    """GFLOP/s of fused multiply-adds in registers, or GB/s within `footprint` bytes: no kernel is faster."""
    arguments = [str(threads)] if footprint is None else [str(threads), str(footprint)]
    return float(subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout)


def load_openblas(core):
    """OpenBLAS with the kernels that hnc's binaries use, which it chooses when it is loaded; None if there is no library."""
    if core:
        os.environ["OPENBLAS_CORETYPE"] = core
    try:
        return ctypes.CDLL("libopenblas.so.0")
    except OSError:
        return None
    finally:
        os.environ.pop("OPENBLAS_CORETYPE", None)


def best_time(run, seconds):
    """Seconds of the fastest of many calls."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begin)
    return best


def product_rates(openblas, threads, seconds=0.5):
    """GFLOP/s of sgemm, by shape (m, n, k): the best of many calls."""
    openblas.openblas_set_num_threads(threads)
    rates = {}
    for m, n, k in SHAPES:
        a, b, c = ((ctypes.c_float * (rows * columns))() for rows, columns in ((m, k), (k, n), (m, n)))
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        product = lambda: openblas.cblas_sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, m, n, k, one, a, k, b, n, zero, c, n)
        rates[m, n, k] = 2e-9 * m * n * k / best_time(product, seconds)
    return rates
