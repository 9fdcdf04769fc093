# Built by scripts/setup.mjs, which finds libtorch and says where it is through the environment.
{
  "variables": {
    # As system headers, whose warnings are not ours; /usr/include is one already.
    "torch_includes%": "<!(node -p \"(process.env.SKYLOOP_TORCH_INCLUDES || '/usr/include /usr/include/torch/csrc/api/include').split(' ').filter((d) => d !== '/usr/include').map((d) => '-isystem ' + d).join(' ')\")",
    "torch_libdir%": "<!(node -p \"process.env.SKYLOOP_TORCH_LIBDIR || '/usr/lib/x86_64-linux-gnu'\")",
    # First among the libraries, so that libtorch's products are looked up in it.
    "openblas%": "<!(node -p \"const d = process.env.SKYLOOP_OPENBLAS; d ? '-Wl,--no-as-needed ' + d + '/libopenblas.so.0 -Wl,-rpath,' + d : ''\")",
    "gpu%": "<!(node -p \"process.env.SKYLOOP_TORCH_GPU || ''\")",
    "gloo%": "<!(node -p \"require('fs').existsSync('/usr/include/gloo/algorithm.h') ? 'USE_C10D_GLOO' : 'SKYLOOP_WITHOUT_GLOO'\")",
    "torch_abi%": "<!(node -p \"process.env.SKYLOOP_TORCH_ABI || '1'\")",
    "torch_flags": "<!(node -p \"'-std=' + (process.env.SKYLOOP_TORCH_STANDARD || 'c++17') + ' -O2 -fno-math-errno -ffp-contract=fast -fopenmp -fexceptions -frtti -Wall -Wextra'\")"
  },
  "target_defaults": {
    "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++14", "-std=gnu++20"],
    "cflags!": ["-fno-exceptions"],
    # A thread may be ended while it is in a native call: what JavaScript then refuses must not end the process.
    "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
    "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES", "CLANG_CXX_LANGUAGE_STANDARD": "c++17" }
  },
  "targets": [
    {
      # One file for each processor, without libtorch's headers. Nothing passes vectors between files, so that GCC need
      # not say how it would. GCC 14 makes a product and a sum of some a * b + c in loops, for processors in general, and one
      # rounding of others: kernels of the same sums would then differ in the last bit, and be slower.
      "target_name": "kernels",
      "type": "static_library",
      "sources": ["kernels/bf16.cc", "kernels/avx512.cc", "kernels/plain.cc", "kernels/avx2.cc"],
      "cflags_cc": ["-std=c++17", "-O3", "-fno-math-errno", "-ffp-contract=fast", "--param=avoid-fma-max-bits=0", "-Wall", "-Wextra", "-Wno-psabi"]
    },
    {
      "target_name": "torch",
      "dependencies": ["kernels"],
      # Each includes its folder's files: reading libtorch's headers takes most of the time, and is done twice this way
      # instead of once for each of eleven files.
      "sources": ["operators.cc", "addon.cc"],
      "defines": ["<@(gloo)", "NDEBUG", "_GLIBCXX_USE_CXX11_ABI=<(torch_abi)"],
      "cflags_cc": ["<@(torch_flags)", "<@(torch_includes)"],
      "libraries": ["-fopenmp", "<(openblas)", "-L<(torch_libdir)", "-Wl,-rpath,<(torch_libdir)", "<(gpu)", "-ltorch", "-ltorch_cpu", "-lc10"]
    },
    {
      "target_name": "fits",
      "sources": ["addon/fits.cc"],
      "cflags_cc": ["-std=c++17", "-O2", "-fexceptions", "-frtti", "-Wall", "-Wextra"],
      "libraries": ["-lcfitsio"]
    },
    {
      "target_name": "map",
      "sources": ["addon/map.cc"],
      "cflags_cc": ["-std=c++17", "-O2", "-fexceptions", "-frtti", "-Wall", "-Wextra"]
    }
  ]
}
