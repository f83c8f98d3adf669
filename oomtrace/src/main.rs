//! The program `oomtrace`: parses the command line, runs the command, and turns its result into an exit status.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use oomtrace::{
    cmd::{self, shared::say::say},
    exit::Exit,
};

/// Whether the process was started without a standard output (`>&-`).
static NO_OUTPUT: AtomicBool = AtomicBool::new(false);

/// Checks standard output before Rust's runtime opens `/dev/null` in place of a missing standard stream. Afterwards this cannot
/// be distinguished from a supervisor that wants no output.
extern "C" fn look_at_output() {
    // SAFETY: takes a number, and checks whether a descriptor is open.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    NO_OUTPUT.store(flags == -1, Ordering::Relaxed);
}

/// The C library calls the functions in this section before `main`.
// SAFETY: the section contains pointers to functions of this type, and the function needs nothing from the runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK_AT_OUTPUT: extern "C" fn() = look_at_output;

fn main() -> ExitCode {
    let (cli, settings) = match cmd::settings::parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            say(error);
            return ExitCode::from(Exit::Usage.code());
        }
    };
    if NO_OUTPUT.load(Ordering::Relaxed) {
        say("standard output is closed; redirect it to a file or to /dev/null");
        return ExitCode::from(Exit::Output.code());
    }
    let exit = match cmd::run(&cli, settings) {
        Ok(exit) => exit,
        Err(error) => {
            let exit = cmd::exit_of(&error);
            // A reader that closed its end is not an error and gets no message.
            if exit != Exit::Success {
                say(format_args!("{error:#}"));
            }
            exit
        }
    };
    ExitCode::from(exit.code())
}
