//! The kernel's types, tested with fixtures: reduced BTF of real kernels in `tests/btf`.

mod broken;
mod facts;
mod fixture;
mod kallsyms;
mod mask;
mod resolve;
mod selfcheck;
mod walker;
