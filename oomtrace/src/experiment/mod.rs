//! Kernel-tuning experiments: they change a knob, cause an OOM, and compare what the kernel decides. This is the pure part:
//! the file, its check, the order of runs, the outcome of a run, the tests between variants, and the result. The part that
//! changes the machine is in `cmd/experiment`.

pub mod check;
pub mod file;
pub mod knob;
pub mod order;
pub mod plan;
pub mod predict;
pub mod result;
pub mod run;
pub mod statistics;

#[cfg(test)]
mod tests;
