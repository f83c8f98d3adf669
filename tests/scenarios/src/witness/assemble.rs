//! Lines put together to incidents. The kernel prints all of one under a lock, so that they never mix.

use super::lines::{self, Invoked, Killed, Summary, Usage};
use super::table::{self, Row};
use super::{Incident, record, stat};

/// The incidents that the records of `/dev/kmsg` tell of, in order.
#[must_use]
pub fn read(records: &[String]) -> Vec<Incident> {
    let mut log = Log::default();
    for message in record::messages(records) {
        log.take(&message);
    }
    log.incidents
}

#[derive(Default)]
struct Log {
    incidents: Vec<Incident>,
    /// Columns of the table being read.
    columns: Vec<String>,
    /// Whether the figures of `memory.stat` are being read.
    in_stat: bool,
}

impl Log {
    fn take(&mut self, line: &str) {
        if let Some(killed) = Killed::parse(line) {
            self.columns.clear();
            return self.killed(killed);
        }
        if let Some(invoked) = Invoked::parse(line) {
            (self.in_stat, self.columns) = (false, Vec::new());
            return self.incidents.push(Incident { invoked: Some(invoked), ..Incident::default() });
        }
        if stat::head(line) {
            self.in_stat = true;
            return;
        }
        if let Some(columns) = table::head(line) {
            self.in_stat = false;
            self.columns = columns;
            return;
        }
        // Everything else belongs to a report that has begun.
        let Some(incident) = self.incidents.last_mut() else {
            return;
        };
        if let Some(row) = Row::parse(&self.columns, line).filter(|_| !self.columns.is_empty()) {
            incident.rows.push(row);
        } else if let Some(summary) = Summary::parse(line) {
            incident.summary = Some(summary);
        } else if let Some(usage) = Usage::parse("memory", line) {
            incident.usage = Some(usage);
        } else if let Some(swap) = Usage::parse("swap", line).or_else(|| Usage::parse("memory+swap", line)) {
            incident.swap = Some(swap);
        } else if self.in_stat {
            incident.stat.extend(stat::figures(line));
        } else if let Some(group) = lines::group(line) {
            incident.group = Some(group);
        } else if incident.invoked.is_some() && incident.trigger_tid.is_none() {
            incident.trigger_tid = lines::trigger_tid(line);
        }
        // What comes after the summary may be another task's call trace.
        incident.trigger_is_kernel_thread |= incident.summary.is_none() && lines::is_in_kernel_thread(line);
        incident.none_killable |= lines::none_killable(line);
    }

    /// A kill belongs to the report that has begun, unless that has its victim already and this is no member of its
    /// group: then the report of this one was left out for the rate limit.
    fn killed(&mut self, killed: Killed) {
        let open =
            |incident: &&mut Incident| incident.kills.is_empty() || may_be_member(incident, killed.pid);
        let incident = match self.incidents.last_mut().filter(open) {
            Some(incident) => incident,
            None => {
                self.incidents.push(Incident::default());
                let Some(incident) = self.incidents.last_mut() else {
                    return;
                };
                incident
            }
        };
        incident.kill_lines += 1;
        if !incident.kills.is_empty() {
            incident.members.push(killed.pid);
        }
        if incident.kills.iter().all(|earlier| earlier.pid != killed.pid) {
            incident.kills.push(killed);
        }
    }
}

/// Whether a kill can be that of a member of an incident's group. The kernel goes through a group in the order of the table
/// of tasks, and comes by the chosen one, killed before, once more.
fn may_be_member(incident: &Incident, pid: u32) -> bool {
    if incident.group.is_none() {
        return false;
    }
    let place = |pid: u32| incident.rows.iter().position(|row| row.pid == pid);
    let members = incident.members.last().map(|&last| place(last));
    match (place(pid), members) {
        // The table was left out, too.
        (None, _) => incident.rows.is_empty() && !incident.members.contains(&pid),
        (Some(_), None) => true,
        (Some(place), Some(last)) => last.is_some_and(|last| place > last),
    }
}
