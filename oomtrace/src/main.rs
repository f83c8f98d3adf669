//! The command.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Parser as _;
use oomtrace::{
    cli::Cli,
    cmd::{self, say::say},
    exit::Exit,
};

/// Whether we were started without a standard output (`>&-`).
static NO_OUTPUT: AtomicBool = AtomicBool::new(false);

/// Looks before Rust's runtime does, which puts `/dev/null` where a standard stream is missing; afterwards that cannot be
/// told from a supervisor that wants no output.
extern "C" fn look_at_output() {
    // SAFETY: takes a number and looks at a descriptor, whether it is open or not.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    NO_OUTPUT.store(flags == -1, Ordering::Relaxed);
}

/// The C library calls what stands in this section before `main`.
// SAFETY: the section holds pointers to functions of this kind, and the function needs nothing of the runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK_AT_OUTPUT: extern "C" fn() = look_at_output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if NO_OUTPUT.load(Ordering::Relaxed) {
        say("standard output is closed; redirect it to a file or to /dev/null");
        return ExitCode::from(Exit::Output.code());
    }
    let exit = match cmd::run(&cli) {
        Ok(exit) => exit,
        Err(error) => {
            let exit = cmd::exit_of(&error);
            // A reader that went away is no error and gets no sentence.
            if exit != Exit::Success {
                say(format_args!("{error:#}"));
            }
            exit
        }
    };
    ExitCode::from(exit.code())
}
