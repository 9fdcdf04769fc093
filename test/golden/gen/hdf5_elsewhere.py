"""HDF5 files whose values lie elsewhere, or are of types that no cell holds: python3 test/golden/gen/hdf5_elsewhere.py (h5py 3)."""
import pathlib

import h5py
import numpy as np

out = pathlib.Path(__file__).parent.parent / "hdf5"
out.mkdir(exist_ok=True)
stamps = np.random.default_rng(1).normal(size=(4, 1, 16, 16)).astype("f4")
with h5py.File(out / "external.h5", "w") as f:
    f.create_dataset("images", shape=(1, 1, 16, 16), dtype="f4", external=[("/etc/passwd", 0, 1024)])
with h5py.File(out / "columns.h5", "w") as f:
    f["images"] = stamps
    f["id"] = np.array([2**64 - 1, 2**63, 2**53 + 1, 2**53 + 2], dtype="u8")
    f["fit"] = np.zeros(4, dtype=[("radius", "f4"), ("flux", "f4")])
    f["shape"] = np.zeros((4, 2), dtype="f4")
    f["counts"] = np.zeros(9, dtype="f4")
    away = h5py.VirtualLayout(shape=(4,), dtype="f8")
    away[:] = h5py.VirtualSource("nowhere.h5", "z", shape=(4,))
    f.create_virtual_dataset("z", away)
