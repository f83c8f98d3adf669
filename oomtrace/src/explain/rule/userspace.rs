//! No kernel OOM: user space sent SIGKILL, or a program whose only purpose is to kill sent SIGTERM. Whether it did so because of memory is
//! inferred from how short memory was at that moment, and from the sender.

use super::shortage::{self, Bounds};
use crate::{
    bytes::ByteString,
    context::Prekill,
    explain::{Confidence, Finding, codes::Code, duration, place},
    incident::{Incident, Method, SIGTERM, Task, UserKill, is_of},
    kernel::killers,
};

/// The bounds for a SIGKILL from any process.
const ANYBODYS: Bounds = Bounds {
    // An idle machine and a busy one without a shortage both show less than 1. A tenth of the time spent waiting is noticeable.
    stall_percent: 10.0,
    // An idle program that keeps its page cache leaves this much.
    stalled_available_percent: Some(25),
    // earlyoom begins to kill at this value by default.
    available_percent: 10,
    // The rest is less than the page cache that a working program needs.
    used_percent: 90,
    // Full swap alone is no shortage: it stays full long after one.
    swap_free_percent: None,
};

/// The bounds for programs whose only purpose is to kill. They may have measured some time before, and their kill relieves
/// memory at once.
const OOM_KILLERS_OWN: Bounds = Bounds {
    stall_percent: 1.0,
    stalled_available_percent: None,
    available_percent: 25,
    used_percent: 75,
    // systemd-oomd's default (`SwapUsedLimit=90%`).
    swap_free_percent: Some(10),
};

pub(in crate::explain) fn rule(incident: &Incident) -> Option<Finding> {
    let user_kill = incident.user_kill.as_ref()?;
    let sender = incident.trigger.as_ref()?;
    let announced = incident.prekill.as_deref();
    let known = announced.is_some() || is_oom_killer(incident, sender);
    // Others send SIGTERM for every reason. Without the exit, it would be unknown what became of the process.
    if user_kill.signal == SIGTERM && !(known && user_kill.awaits_exit) {
        return None;
    }
    // The rest of a container or a service is stopped after the kernel killed in it. That is a consequence.
    if user_kill.after_kernel_kill_ns.is_some() && !known {
        return None;
    }
    let shortage = shortage::find(incident, if known { &OOM_KILLERS_OWN } else { &ANYBODYS });
    let unread = incident.pressure.is_none();
    if shortage.signs.is_empty() && announced.is_none() && !(known && unread) {
        return None;
    }
    let mut evidence = vec![sent(sender, user_kill)];
    evidence.extend(counted(incident, user_kill));
    evidence.push(match announced {
        Some(prekill) => prekill_of(incident, prekill),
        None if known => format!("the only purpose of {} is to kill when memory is short", name(sender)),
        None => "the reason is inferred from how short memory was".to_owned(),
    });
    if shortage.signs.is_empty() && !unread {
        evidence.push("no figure that was read shows a shortage of memory".to_owned());
    }
    evidence.extend(shortage.signs);
    if unread {
        evidence.push("it could not be read how short memory was".to_owned());
    }
    evidence.extend(
        user_kill
            .after_kernel_kill_ns
            .map(|ns| format!("the kernel had killed in the same cgroup {} ms earlier", ns / 1_000_000)),
    );
    let confidence =
        if announced.is_some() || (known && !unread) { Confidence::Observed } else { Confidence::Inferred };
    Some(Finding { code: Code::Userspace, confidence, evidence, domain: shortage.cgroup })
}

/// Names the sender and how it sent the signal.
fn sent(sender: &Task, user_kill: &UserKill) -> String {
    let how = match user_kill.code {
        None => match user_kill.method {
            Some(Method::CgroupKill) => "by cgroup.kill".to_owned(),
            Some(Method::Signal) => "by kill".to_owned(),
            None => "without information, as cgroup.kill does".to_owned(),
        },
        Some(0) => "by kill or pidfd_send_signal (si_code 0)".to_owned(),
        Some(-1) => "by rt_sigqueueinfo (si_code -1)".to_owned(),
        Some(-6) => "by tgkill (si_code -6)".to_owned(),
        Some(code) => format!("with si_code {code}"),
    };
    format!("{} sent {} {how}", name(sender), user_kill.signal_name())
}

/// Says that the sender announced the kill as killers do that act when memory is short.
fn prekill_of(incident: &Incident, prekill: &Prekill) -> String {
    let who = prekill.comm.as_ref().map_or_else(|| "the sender".to_owned(), ByteString::to_words);
    let before = duration(incident.boot_ns.saturating_sub(prekill.announced_ns));
    let cgroup =
        prekill.memcg.map_or_else(|| "a cgroup".to_owned(), |id| place::of_cgroup(incident, id).to_string());
    format!(
        "{who} had announced {before} before, through the hook of systemd-oomd, that it would kill {cgroup}"
    )
}

/// Says how many processes were killed, if not all are listed.
fn counted(incident: &Incident, user_kill: &UserKill) -> Option<String> {
    let listed = incident.victims.len();
    let count = user_kill.count(listed);
    let more = count > u64::try_from(listed).unwrap_or(u64::MAX);
    let signal = user_kill.signal_name();
    more.then(|| format!("it sent {signal} to {count} processes; {listed} of them are listed"))
}

fn name(task: &Task) -> String {
    task.comm.as_ref().map_or_else(|| "a process".to_owned(), ByteString::to_words)
}

/// Whether the name of the task, its process or its executable is known. A script is recognized by its name alone. The kernel
/// cuts a name after 15 bytes.
fn is_oom_killer(incident: &Incident, sender: &Task) -> bool {
    let looked_up = incident.processes.iter().find(|process| is_of(process, sender));
    let exe = looked_up.and_then(|process| process.exe.as_ref()).map(ByteString::as_bytes);
    let program = exe.and_then(|path| path.rsplit(|byte| *byte == b'/').next());
    let names = [&sender.comm, &sender.leader_comm].into_iter().flatten().map(ByteString::as_bytes);
    let configured = incident.session.iter().flat_map(|session| &session.killers).map(ByteString::as_bytes);
    let killers = || killers::KNOWN.into_iter().chain(configured.clone());
    let is_named = |name: &[u8]| killers().any(|killer| killers::cut(killer) == name);
    names.clone().any(is_named) || program.is_some_and(|name| killers().any(|killer| killer == name))
}

/// Whether a figure shows that memory was short when a kill by user space was sent.
pub(crate) fn is_shortage_known(incident: &Incident) -> bool {
    let bounds = if incident.prekill.is_some() { &OOM_KILLERS_OWN } else { &ANYBODYS };
    incident.prekill.is_none() || !shortage::find(incident, bounds).signs.is_empty()
}
