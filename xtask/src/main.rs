//! The project's tasks: `cargo xtask --help` lists them. Each sets up what it needs and prints its steps.

mod bench;
mod btf;
mod demo;
mod dist;
mod ebpf;
mod experiments;
mod fuzz;
mod golden;
mod host;
mod kernels;
mod lint;
mod named;
mod pictures;
mod survive;
mod test;
mod tidy;
mod vm;

use self::host::setup;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// A task of the project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about = "The project's tasks")]
enum Task {
    /// Get the eBPF toolchain: the source of Rust's `core`, and bpf-linker
    Setup,
    /// Build the eBPF objects that are committed in oomtrace/ebpf, or check them
    Ebpf(ebpf::Arguments),
    /// Fetch the Debian kernels that the tests boot
    Kernels(kernels::Arguments),
    /// Show one contained OOM kill, explained: builds oomtrace and runs `oomtrace demo`
    Demo(demo::Arguments),
    /// Build the files of a release: static programs, archives, bills of materials and checksums
    Dist(dist::Arguments),
    /// Check format, lints and house rules
    Lint,
    /// Run all tests: unit tests, lints, real kills on this machine and in guests
    Test(test::Arguments),
    /// Run scenarios on real kernels in throw-away guests
    Vm(vm::Arguments),
    /// Run the ready experiments of contrib/experiments in guests, and show their tables
    Experiments(experiments::Arguments),
    /// Measure start, memory, latency, loss and replay, or the cost of a decision, and print a table of docs/benchmarks.md
    Bench(bench::Arguments),
    /// Kill processes in ordinary ways where memory is short nearby, and count false alarms: a table of docs/verdicts.md
    Alarms(test::alarms::Arguments),
    /// Kill in storms beside a tracer that is stopped for a while, and compare its counts with the kernel's
    Storms(test::storms::Arguments),
    /// End processes in ways that look alike, and check the answers of `oomtrace why` and `record --verdict`
    Endings(test::endings::Arguments),
    /// Damage ten million recordings in many ways and check that nothing breaks
    Fuzz(fuzz::Arguments),
    /// Take pictures of pages in a real browser, in light and dark
    Pictures(pictures::Arguments),
    /// Record the golden recordings of tests/recordings, once for each version of the format
    Golden(golden::Arguments),
    /// Kill the recorder at a thousand random moments and check the recordings
    Survive(survive::Arguments),
    /// Make the BTF fixtures in tests/btf from kernels
    Btf(btf::Arguments),
}

fn main() -> ExitCode {
    match perform(Task::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<ExitCode> {
    match task {
        Task::Setup => setup::task(),
        Task::Ebpf(arguments) => ebpf::task(&arguments),
        Task::Kernels(arguments) => kernels::task(&arguments),
        Task::Demo(arguments) => return demo::task(&arguments),
        Task::Dist(arguments) => dist::task(&arguments),
        Task::Lint => lint::task(),
        Task::Test(arguments) => return test::task(&arguments),
        Task::Vm(arguments) => vm::task(&arguments),
        Task::Experiments(arguments) => experiments::task(&arguments),
        Task::Bench(arguments) => bench::task(&arguments),
        Task::Alarms(arguments) => test::alarms::task(&arguments),
        Task::Storms(arguments) => test::storms::task(&arguments),
        Task::Endings(arguments) => test::endings::task(&arguments),
        Task::Fuzz(arguments) => fuzz::task(&arguments),
        Task::Pictures(arguments) => pictures::task(&arguments),
        Task::Golden(arguments) => golden::task(&arguments),
        Task::Survive(arguments) => survive::task(&arguments),
        Task::Btf(arguments) => btf::task(&arguments),
    }?;
    Ok(ExitCode::SUCCESS)
}
