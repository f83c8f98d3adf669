//! An entry in journald's own format: named fields with any bytes.
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>

use super::super::facts::{Dead, Facts};
use crate::{bytes::ByteString, explain::Code};

/// Identifies entries of this kind. The catalog in `contrib/journal` explains it.
pub(super) const MESSAGE_ID: &str = "6cd8a46431c4418697e6843ea466dc9d";

/// The maximum number of victims in an entry, because an entry must fit into one datagram.
const VICTIMS: usize = 64;

/// The maximum size of a value, for the same reason. The kernel's paths are not longer.
const VALUE: usize = 4096;

/// The entry of a closed incident.
pub(super) fn entry(facts: &Facts) -> Vec<u8> {
    let mut entry = Entry(Vec::new());
    entry.put("MESSAGE", facts.summary.as_bytes());
    entry.put("MESSAGE_ID", MESSAGE_ID.as_bytes());
    entry.put("PRIORITY", priority(facts));
    entry.put("SYSLOG_IDENTIFIER", b"oomtrace");
    entry.put("OOM_CAUSE", facts.cause.name().as_bytes());
    entry.put("OOM_INCIDENT", facts.id.as_bytes());
    if let Some(policy) = facts.policy {
        entry.put("OOM_POLICY", policy.name().as_bytes());
    }
    entry.put_some("OOM_DOMAIN_CGROUP", facts.domain_cgroup.as_ref());
    facts.victims.iter().take(VICTIMS).for_each(|victim| entry.victim(victim));
    if let Some(pid) = facts.chosen().and_then(|victim| victim.pid) {
        entry.put("OBJECT_PID", pid.to_string().as_bytes());
    }
    entry.units(facts);
    entry.0
}

/// The priority as in syslog: critical if the machine ran out, error for any other kill, otherwise notice.
fn priority(facts: &Facts) -> &'static [u8] {
    match (facts.killed, facts.cause == Code::Global) {
        (true, true) => b"2",
        (true, false) => b"3",
        (false, _) => b"5",
    }
}

/// Fields in sequence.
struct Entry(Vec<u8>);

impl Entry {
    /// Adds a field. A value without control characters follows an equals sign. Any other value follows its length.
    fn put(&mut self, name: &str, value: &[u8]) {
        let value = value.get(..VALUE).unwrap_or(value);
        self.0.extend_from_slice(name.as_bytes());
        if value.iter().any(u8::is_ascii_control) {
            self.0.push(b'\n');
            self.0.extend_from_slice(&u64::try_from(value.len()).unwrap_or_default().to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend_from_slice(value);
        self.0.push(b'\n');
    }

    fn put_some(&mut self, name: &str, value: Option<&ByteString>) {
        if let Some(value) = value {
            self.put(name, value.as_bytes());
        }
    }

    fn victim(&mut self, victim: &Dead) {
        self.put_some("OOM_VICTIM_COMM", victim.comm.as_ref());
        if let Some(pid) = victim.pid {
            self.put("OOM_VICTIM_PID", pid.to_string().as_bytes());
        }
        self.put_some("OOM_VICTIM_CGROUP", victim.place.cgroup.as_ref());
    }

    /// Adds each unit once. `journalctl -u` finds `OBJECT_SYSTEMD_UNIT` in entries by root, and `UNIT` in entries by PID 1.
    /// <https://github.com/systemd/systemd/blob/v257/src/shared/logs-show.c> (`add_matches_for_unit`)
    fn units(&mut self, facts: &Facts) {
        let mut units: Vec<(bool, &ByteString)> = facts
            .victims
            .iter()
            .take(VICTIMS)
            .filter_map(|victim| Some((victim.is_users, victim.unit.as_ref()?)))
            .collect();
        units.sort();
        units.dedup();
        for (is_users, unit) in units {
            if is_users {
                self.put("USER_UNIT", unit.as_bytes());
                self.put("OBJECT_SYSTEMD_USER_UNIT", unit.as_bytes());
            } else {
                self.put("UNIT", unit.as_bytes());
                self.put("OBJECT_SYSTEMD_UNIT", unit.as_bytes());
            }
        }
    }
}
