//! Record layouts of trace events, from their format files. Tracefs need not be mounted, because BTF tracepoints do not need
//! it.

use std::{fs, path::PathBuf};

/// The directories where tracefs is usually mounted.
const MOUNTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// The directory of tracefs, if it is mounted and readable.
#[must_use]
pub fn mount() -> Option<PathBuf> {
    MOUNTS.iter().map(PathBuf::from).find(|mount| mount.join("events").is_dir())
}

/// The byte offset of a field in an event's record.
#[must_use]
pub fn field_offset(category: &str, event: &str, field: &str) -> Option<u32> {
    let path = mount()?.join("events").join(category).join(event).join("format");
    offset_in(&fs::read_to_string(path).ok()?, field)
}

fn offset_in(format: &str, field: &str) -> Option<u32> {
    format.lines().filter_map(|line| line.trim().strip_prefix("field:")).find_map(|line| {
        let (declaration, rest) = line.split_once(';')?;
        let name = declaration.rsplit([' ', '*']).next()?.split('[').next()?;
        let offset = rest.split(';').find_map(|part| part.trim().strip_prefix("offset:"))?;
        (name == field).then(|| offset.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::offset_in;

    #[test]
    fn finds_a_field_by_its_name() {
        let format = "name: mark_victim\nID: 60\nformat:\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n\
                      \tfield:int pid;\toffset:8;\tsize:4;\tsigned:1;\n\
                      \tfield:__data_loc char[] comm;\toffset:12;\tsize:4;\tsigned:0;\n";
        assert_eq!(offset_in(format, "pid"), Some(8));
        assert_eq!(offset_in(format, "comm"), Some(12));
        assert_eq!(offset_in(format, "uid"), None);
    }
}
