//! An entry in journald's own format: fields of any bytes, each with its name.
//! <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>

use super::super::facts::{Dead, Facts};
use crate::{bytes::ByteString, explain::Code};

/// Names entries of this kind. The catalog in `contrib/journal` explains it.
pub(super) const MESSAGE_ID: &str = "6cd8a46431c4418697e6843ea466dc9d";

/// Victims that an entry names: an entry must fit into one datagram.
const VICTIMS: usize = 64;

/// Bytes of a value, for the same reason. Paths in the kernel have no more.
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

/// As syslog has them: critical if the machine ran out, an error for any other kill, else a notice.
fn priority(facts: &Facts) -> &'static [u8] {
    match (facts.killed(), facts.cause == Code::Global) {
        (true, true) => b"2",
        (true, false) => b"3",
        (false, _) => b"5",
    }
}

/// Fields one after the other.
struct Entry(Vec<u8>);

impl Entry {
    /// A value without control characters stands behind an equals sign; any other has its length in front.
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

    /// Each unit once. `journalctl -u` finds `OBJECT_SYSTEMD_UNIT` of entries by root, and `UNIT` of entries by PID 1.
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
