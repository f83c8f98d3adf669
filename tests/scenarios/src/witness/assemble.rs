//! Lines put together to incidents. The kernel prints all of one under a lock, so that they never mix.

use super::lines::{self, Invoked, Killed, Summary, Usage};
use super::table::{self, Row};
use super::{Call, Incident, MemInfo, call_trace, record, stat};

/// The incidents that the records of `/dev/kmsg` tell of, in order.
#[must_use]
pub fn read(records: &[String]) -> Vec<Incident> {
    let mut log = Log::default();
    for message in record::messages(records) {
        log.take(&message);
    }
    for incident in &mut log.incidents {
        incident.call_trace = call_trace::of_trigger(&incident.call_trace);
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
    /// The call trace being read.
    trace: call_trace::Reading,
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
        let call = self.trace.take(line);
        // Everything else belongs to a report that has begun.
        if let Some(incident) = self.incidents.last_mut() {
            incident.take(line, call, &self.columns, self.in_stat);
        }
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

impl Incident {
    /// Take in a line of its report; the call on it, if it is one of a call trace.
    fn take(&mut self, line: &str, call: Option<Call>, columns: &[String], in_stat: bool) {
        // What comes after the summary may be of another report, such as that of a failed allocation.
        if self.summary.is_none() {
            self.call_trace.extend(call);
            if self.take_mem_info(line) {
                return;
            }
        }
        if let Some(row) = Row::parse(columns, line).filter(|_| !columns.is_empty()) {
            self.rows.push(row);
        } else if let Some(summary) = Summary::parse(line) {
            self.summary = Some(summary);
        } else if let Some(usage) = Usage::parse("memory", line) {
            self.usage = Some(usage);
        } else if let Some(swap) = Usage::parse("swap", line).or_else(|| Usage::parse("memory+swap", line)) {
            self.swap = Some(swap);
        } else if in_stat {
            self.stat.extend(stat::figures(line));
        } else if let Some(group) = lines::group(line) {
            self.group = Some(group);
        } else if self.invoked.is_some() && self.trigger_tid.is_none() {
            self.trigger_tid = lines::trigger_tid(line);
        }
        // What comes after the summary may be another task's call trace.
        self.trigger_is_kernel_thread |= self.summary.is_none() && lines::is_in_kernel_thread(line);
        self.none_killable |= lines::none_killable(line);
    }

    /// Take in a line of Mem-Info; whether it is one.
    fn take_mem_info(&mut self, line: &str) -> bool {
        if line == "Mem-Info:" {
            self.mem_info = Some(MemInfo::default());
            return true;
        }
        self.mem_info.as_mut().is_some_and(|info| info.take(line))
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
