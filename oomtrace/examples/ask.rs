//! Asks the running tracer: `ask TARGET` whether memory killed a process, a unit or a container, and `ask` alone for all further
//! reports. `OOMTRACE_SOCKET` names another socket than the usual one.

use std::{env, ffi::OsStr, process::ExitCode};

use anyhow::Result;
use oomtrace::client::{Client, Event, Status, USUAL_SOCKET};

fn main() -> Result<ExitCode> {
    let socket = env::var_os("OOMTRACE_SOCKET");
    let client = Client::new(socket.as_deref().unwrap_or(OsStr::new(USUAL_SOCKET)));
    match env::args_os().nth(1) {
        Some(target) => why(&client, &target),
        None => follow(&client),
    }
}

fn why(client: &Client, target: &OsStr) -> Result<ExitCode> {
    let reply = client.why(target.as_encoded_bytes())?;
    match (reply.status, reply.report) {
        (Status::Found, Some(report)) => println!("{report}"),
        (Status::None, _) => println!("the running tracer knows no OOM kill of it"),
        (_, _) => println!("{}", reply.message.unwrap_or_default()),
    }
    Ok(if reply.status == Status::Found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn follow(client: &Client) -> Result<ExitCode> {
    for event in client.events()? {
        match event? {
            Event::Report(report) => println!("{report}"),
            Event::Lost(count) => eprintln!("{count} reports were lost: this program was too slow"),
        }
    }
    Ok(ExitCode::SUCCESS)
}
