//! How systemd saw a service end: for a service that memory did not kill.

use std::{ffi::OsStr, io, process::Command};

use anyhow::Result;
use serde::Serialize;

use crate::{cli::TableFormat, pipeline::PipelineError, sink::json};

/// The version of the JSON's shape. Keys are added, never renamed.
const SCHEMA: u32 = 1;

/// Codes of `waitid(2)`. <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/siginfo.h#L279>
const EXITED: i32 = 1;
const KILLED: i32 = 2;
const DUMPED: i32 = 3;

/// The kind of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// A timeout of systemd: for the start, the stop, or the whole run.
    SystemdTimeout,
    /// systemd's watchdog.
    SystemdWatchdog,
    /// systemd reports an OOM kill. oomtrace has no report of it.
    SystemdOomKill,
    /// A signal.
    Signal,
    /// Its own exit.
    Exit,
    /// It has not ended.
    Running,
}

/// How a service ended, in systemd's words (`docs/why.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Ended {
    schema: u32,
    verdict: Verdict,
    unit: String,
    /// systemd's `Result`.
    result: String,
    exit_code: Option<i32>,
    signal: Option<i32>,
}

/// Asks systemd how a service ended; `None` if this is no service, or systemd does not know it.
pub(super) fn ended(target: &OsStr) -> Option<Ended> {
    let unit = target.to_str().filter(|name| name.ends_with(".service") && !name.starts_with(['-', '/']))?;
    let mut systemctl = Command::new("systemctl");
    systemctl.args(["show", "--property=Result,ExecMainCode,ExecMainStatus,ActiveState,LoadState", unit]);
    let output = systemctl.output().ok().filter(|output| output.status.success())?;
    read(unit, std::str::from_utf8(&output.stdout).ok()?)
}

fn read(unit: &str, shown: &str) -> Option<Ended> {
    let value = |name: &str| {
        shown
            .lines()
            .find_map(|line| line.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    };
    let number = |name: &str| value(name)?.parse::<i32>().ok();
    let (result, code, status) = (value("Result")?, number("ExecMainCode")?, number("ExecMainStatus")?);
    let lives = matches!(value("ActiveState"), Some("active" | "activating" | "reloading" | "deactivating"));
    let verdict = match (result, code) {
        _ if lives => Verdict::Running,
        ("timeout", _) => Verdict::SystemdTimeout,
        ("watchdog", _) => Verdict::SystemdWatchdog,
        ("oom-kill", _) => Verdict::SystemdOomKill,
        (_, KILLED | DUMPED) => Verdict::Signal,
        (_, EXITED) => Verdict::Exit,
        // The service has never run.
        _ => return None,
    };
    Some(Ended {
        schema: SCHEMA,
        verdict,
        unit: unit.to_owned(),
        result: result.to_owned(),
        exit_code: (code == EXITED).then_some(status),
        signal: matches!(code, KILLED | DUMPED).then_some(status),
    })
}

/// Prints how it ended.
pub(super) fn tell(ended: &Ended, format: TableFormat) -> Result<()> {
    let mut stdout = io::stdout();
    let printed = match format {
        TableFormat::Json => json::line(&mut stdout, ended),
        TableFormat::Text => io::Write::write_all(&mut stdout, format!("{}\n", sentence(ended)).as_bytes()),
    };
    Ok(printed.map_err(PipelineError::Output)?)
}

fn sentence(ended: &Ended) -> String {
    let Ended { verdict, unit, exit_code, signal, .. } = ended;
    let how = match (exit_code, signal) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    };
    match verdict {
        Verdict::Running => format!("no: systemd says that {unit} is running"),
        Verdict::SystemdTimeout => format!(
            "no: a timeout of systemd ended {unit} (TimeoutStartSec, TimeoutStopSec or RuntimeMaxSec); its main process ended with {how}"
        ),
        Verdict::SystemdWatchdog => format!(
            "no: the watchdog of systemd ended {unit} (WatchdogSec); its main process ended with {how}"
        ),
        Verdict::SystemdOomKill => format!(
            "systemd says that an OOM kill ended {unit}, but oomtrace has no report of it; its main process ended with {how}"
        ),
        Verdict::Signal => format!("no: the main process of {unit} was ended by {how}"),
        Verdict::Exit => format!("no: the main process of {unit} ended by itself with {how}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, read, sentence};

    fn shown(result: &str, code: i32, status: i32, state: &str) -> String {
        format!(
            "Result={result}\nExecMainCode={code}\nExecMainStatus={status}\nActiveState={state}\nLoadState=loaded\n"
        )
    }

    #[test]
    fn distinguishes_timeout_signal_and_exit() {
        let verdict = |result, code, status| {
            let ended = read("a.service", &shown(result, code, status, "failed")).unwrap();
            (ended.verdict, ended.exit_code, ended.signal)
        };
        assert_eq!(verdict("timeout", 2, 9), (Verdict::SystemdTimeout, None, Some(9)));
        assert_eq!(verdict("watchdog", 3, 6), (Verdict::SystemdWatchdog, None, Some(6)));
        assert_eq!(verdict("signal", 2, 15), (Verdict::Signal, None, Some(15)));
        assert_eq!(verdict("exit-code", 1, 137), (Verdict::Exit, Some(137), None));
        assert_eq!(verdict("success", 1, 0), (Verdict::Exit, Some(0), None));
        assert_eq!(verdict("oom-kill", 2, 9), (Verdict::SystemdOomKill, None, Some(9)));
    }

    #[test]
    fn a_running_or_unknown_service_has_not_ended() {
        assert_eq!(read("a.service", &shown("success", 0, 0, "active")).unwrap().verdict, Verdict::Running);
        assert_eq!(read("a.service", &shown("success", 0, 0, "inactive")), None);
        assert_eq!(read("a.service", "Result=\n"), None);
        let ended = read("a.service", &shown("timeout", 2, 9, "failed")).unwrap();
        assert!(
            sentence(&ended).starts_with("no: a timeout of systemd ended a.service"),
            "{}",
            sentence(&ended)
        );
    }
}
