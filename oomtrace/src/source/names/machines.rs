//! Reads `/run/systemd/machines`: containers that are registered with systemd-machined, such as those of systemd-nspawn.

use std::path::Path;

use super::{
    files::{cgroup_of, read},
    oci::{Found, up_to},
};
use crate::context::NamedContainer;

/// Returns the container that a file describes.
pub(super) fn machine(file: &Path) -> Found {
    let Some(text) = read(file).and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return Found { again: true, ..Found::default() };
    };
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let unit = value("SCOPE").or_else(|| value("UNIT"));
    let leader: Option<i32> = value("LEADER").and_then(|pid| pid.parse().ok());
    let (Some(name), Some(unit), Some(pid)) = (value("NAME"), unit, leader) else {
        return Found { again: true, ..Found::default() };
    };
    if value("CLASS").is_some_and(|class| class != "container") {
        return Found::default();
    }
    let Some(cgroup) = cgroup_of(pid).and_then(|path| up_to(std::str::from_utf8(&path).ok()?, unit)) else {
        return Found { again: true, ..Found::default() };
    };
    let container = NamedContainer {
        cgroup: cgroup.as_str().into(),
        id: name.into(),
        runtime: Some("nspawn".to_owned()),
        name: Some(name.into()),
        init_pid: Some(pid),
        ..NamedContainer::default()
    };
    Found { container: Some(container), ..Found::default() }
}

#[cfg(test)]
mod tests {
    use std::{fs, process};

    use super::{machine, up_to};
    use crate::source::names::files::cgroup_of;

    #[test]
    fn cuts_a_path_after_the_unit() {
        let path = "/machine.slice/machine-web.scope/payload/init.scope";
        assert_eq!(up_to(path, "machine-web.scope").as_deref(), Some("/machine.slice/machine-web.scope"));
        assert_eq!(up_to(path, "machine-we"), None);
    }

    #[test]
    fn requires_the_leader_to_be_in_the_unit() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("web");
        let pid = process::id();
        let own = cgroup_of(i32::try_from(pid).unwrap()).unwrap();
        let last = String::from_utf8(own.rsplit(|byte| *byte == b'/').next().unwrap().to_vec()).unwrap();
        let text = |unit: &str, class: &str| format!("NAME=web\nSCOPE={unit}\nCLASS={class}\nLEADER={pid}\n");
        fs::write(&file, text("elsewhere.scope", "container")).unwrap();
        assert!(machine(&file).container.is_none());
        fs::write(&file, text(&last, "vm")).unwrap();
        let found = machine(&file);
        assert!(found.container.is_none() && !found.again);
        fs::write(&file, text(&last, "container")).unwrap();
        assert_eq!(machine(&file).container.unwrap().name, Some("web".into()));
        fs::write(&file, "NAME=web\n").unwrap();
        assert!(machine(&file).again);
    }
}
