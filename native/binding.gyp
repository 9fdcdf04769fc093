# Built by scripts/setup.mjs, which finds libtorch and says where it is through the environment.
{
  "variables": {
    "torch_includes%": "<!(node -p \"process.env.SKYLOOP_TORCH_INCLUDES || '/usr/include /usr/include/torch/csrc/api/include'\")",
    "torch_libdir%": "<!(node -p \"process.env.SKYLOOP_TORCH_LIBDIR || '/usr/lib/x86_64-linux-gnu'\")",
    # First among the libraries, so that libtorch's products are looked up in it.
    "openblas%": "<!(node -p \"const d = process.env.SKYLOOP_OPENBLAS; d ? '-Wl,--no-as-needed ' + d + '/libopenblas.so.0 -Wl,-rpath,' + d : ''\")",
    "gloo%": "<!(node -p \"require('fs').existsSync('/usr/include/gloo/algorithm.h') ? 'USE_C10D_GLOO' : 'SKYLOOP_WITHOUT_GLOO'\")",
    "torch_abi%": "<!(node -p \"process.env.SKYLOOP_TORCH_ABI || '1'\")"
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
      "target_name": "torch",
      "sources": ["torch.cc", "arguments.cc", "attention.cc", "block.cc", "dense.cc", "dense-autograd.cc", "distributed.cc", "memory.cc", "optimise.cc", "patches.cc", "profile.cc"],
      "include_dirs": ["<@(torch_includes)"],
      "defines": ["<@(gloo)", "NDEBUG", "_GLIBCXX_USE_CXX11_ABI=<(torch_abi)"],
      "cflags_cc": ["-std=c++17", "-O3", "-fno-math-errno", "-ffp-contract=fast", "-fopenmp", "-fexceptions", "-frtti", "-w"],
      "libraries": ["-fopenmp", "<(openblas)", "-L<(torch_libdir)", "-Wl,-rpath,<(torch_libdir)", "-ltorch", "-ltorch_cpu", "-lc10"]
    },
    {
      "target_name": "fits",
      "sources": ["fits.cc"],
      "cflags_cc": ["-std=c++17", "-O2", "-fexceptions", "-frtti", "-Wall", "-Wextra"],
      "libraries": ["-lcfitsio"]
    }
  ]
}
