//! Assembles lines into incidents. The kernel prints all lines of an incident under a lock, so incidents never mix.

use super::lines::{self, Invoked, Killed, Summary, Usage};
use super::table::{self, Row};
use super::{Call, Incident, MemInfo, call_trace, record, stat};

/// The incidents in the records of `/dev/kmsg`, in order.
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
    /// Columns of the current table.
    columns: Vec<String>,
    /// Whether the current lines are figures of `memory.stat`.
    in_stat: bool,
    /// The current call trace.
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
        // Every other line belongs to the current report.
        if let Some(incident) = self.incidents.last_mut() {
            incident.take(line, call, &self.columns, self.in_stat);
        }
    }

    /// Adds a kill to the current report. If the report already has a victim and the process is not a member of its group, the
    /// kill starts a new incident, whose report was omitted because of the rate limit.
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
    /// Reads a line of the report. `call` is the call on it, if the line is part of a call trace.
    fn take(&mut self, line: &str, call: Option<Call>, columns: &[String], in_stat: bool) {
        // Lines after the summary may belong to another report, such as that of a failed allocation.
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
        // Lines after the summary may belong to another task's call trace.
        self.trigger_is_kernel_thread |= self.summary.is_none() && lines::is_in_kernel_thread(line);
        self.none_killable |= lines::none_killable(line);
        self.exiting = self.exiting.or_else(|| lines::exiting(line));
    }

    /// Reads a line of Mem-Info. Returns whether it was one.
    fn take_mem_info(&mut self, line: &str) -> bool {
        if line == "Mem-Info:" {
            self.mem_info = Some(MemInfo::default());
            return true;
        }
        self.mem_info.as_mut().is_some_and(|info| info.take(line))
    }
}

/// Whether the killed process can be a member of an incident's group. The kernel visits a group in the order of the task table
/// and reaches the chosen process, which it killed before, once more.
fn may_be_member(incident: &Incident, pid: u32) -> bool {
    if incident.group.is_none() {
        return false;
    }
    let place = |pid: u32| incident.rows.iter().position(|row| row.pid == pid);
    let members = incident.members.last().map(|&last| place(last));
    match (place(pid), members) {
        // The table was omitted, too.
        (None, _) => incident.rows.is_empty() && !incident.members.contains(&pid),
        (Some(_), None) => true,
        (Some(place), Some(last)) => last.is_some_and(|last| place > last),
    }
}
