//! One run of the program of `--exec`: its input, its errors, and its end.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{ChildStderr, ChildStdin},
    task::JoinSet,
    time::{Duration, timeout},
};

use super::{Hook, group::Group};
use crate::server::HookError;

/// The number of bytes of standard error that are kept.
const SAID: usize = 512;

/// How long to wait for the rest of the standard error once the command has ended.
const REST: Duration = Duration::from_millis(200);

/// Runs the command with the report on its standard input, up to the time limit.
pub(super) async fn run(hook: &Hook, report: Bytes) -> Result<(), HookError> {
    let mut child = hook.program.start().map_err(HookError::Start)?;
    let group = Group::of(&child);
    let said = Said::default();
    // Dropping these tasks ends them, so a pipe that a grandchild holds open delays nothing.
    let mut pipes = JoinSet::new();
    if let Some(stdin) = child.stdin.take() {
        pipes.spawn(write(stdin, report));
    }
    if let Some(stderr) = child.stderr.take() {
        pipes.spawn(read(stderr, Arc::clone(&said)));
    }
    let ended = timeout(hook.limit, child.wait()).await;
    // Processes that the command started are killed as well.
    drop(group);
    let status = match ended {
        Ok(status) => status.map_err(HookError::Wait)?,
        Err(_) => {
            // The command is dead. This collects its exit status.
            let _ = child.wait().await;
            return Err(HookError::Time(hook.limit));
        }
    };
    if status.success() {
        return Ok(());
    }
    let _ = timeout(REST, async { while pipes.join_next().await.is_some() {} }).await;
    Err(HookError::Status { status, said: first_line(&said) })
}

/// The beginning of the command's standard error.
type Said = Arc<Mutex<Vec<u8>>>;

/// Writes the report. A command that does not read all of it has not failed.
async fn write(mut stdin: ChildStdin, report: Bytes) {
    let _ = stdin.write_all(&report).await;
}

/// Reads to the end, so that the command is never blocked, and keeps the beginning.
async fn read(mut stderr: ChildStderr, said: Said) {
    let mut part = [0; SAID];
    while let Ok(length @ 1..) = stderr.read(&mut part).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let room = SAID.saturating_sub(said.len()).min(length);
        said.extend_from_slice(part.get(..room).unwrap_or_default());
    }
}

fn first_line(said: &Said) -> String {
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let line = said.split(|byte| *byte == b'\n').find(|line| !line.is_empty());
    String::from_utf8_lossy(line.unwrap_or_default()).into_owned()
}
