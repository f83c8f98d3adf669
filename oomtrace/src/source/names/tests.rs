use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use oomtrace_common::event::Task;
use rustix::fs::inotify::{self, CreateFlags};
use zerocopy::FromZeros as _;

use super::{Names, places::Kind, table::Table, watcher::Watcher};
use crate::context;

const ID: &str = "4c4739c2c6f68d38bed72bc45841e29344029ae56a1a7f127db98a3973b231e1";

/// Returns the names that are sent for these paths.
fn told(names: &mut Names, paths: &[&str]) -> Option<context::Names> {
    paths.iter().for_each(|path| names.want_path(&(*path).into()));
    names.untold().map(|json| serde_json::from_slice(&json).unwrap())
}

fn named(cgroup: &str, name: &str) -> context::NamedContainer {
    context::NamedContainer { cgroup: cgroup.into(), name: Some(name.into()), ..Default::default() }
}

#[test]
fn sends_the_names_of_an_incident_once() {
    let table = Arc::new(Mutex::new(Table::default()));
    let uid = "0d08203e-255a-11e9-8cd9-0007cb0b2cc8";
    let pod = context::NamedPod { uid: uid.to_owned(), name: "shop".into(), namespace: "prod".into() };
    let cgroup = format!("/kubepods/burstable/pod{uid}/{ID}");
    {
        let mut table = table.lock().unwrap();
        table.keep_container(&named(&cgroup, "web"), 1);
        table.keep_container(&named("/other", "other"), 2);
        table.keep_pod(&pod, 3);
        table.keep_users(&[context::NamedUser { uid: 1000, name: "alice".into() }]);
    }
    let mut names = Names::new(Arc::clone(&table));
    assert_eq!(told(&mut names, &[]), None);
    let below = format!("{cgroup}/init");
    names.want_user(&Task { present: Task::UID, uid: 1000, ..Task::new_zeroed() });
    let first = told(&mut names, &[&below, "/"]).unwrap();
    assert_eq!(first.containers, [named(&cgroup, "web")]);
    assert_eq!((first.pods, first.users.len()), (vec![pod], 1));
    assert_eq!(told(&mut names, &[&below]), None, "it was told");
    table.lock().unwrap().keep_container(&named(&cgroup, "new"), 1);
    assert_eq!(told(&mut names, &[&below]).unwrap().containers, [named(&cgroup, "new")]);
}

#[test]
fn never_waits_for_the_table() {
    let table = Arc::new(Mutex::new(Table::default()));
    let mut names = Names::new(Arc::clone(&table));
    let mut held = table.lock().unwrap();
    held.keep_container(&named("/a", "web"), 1);
    assert_eq!(told(&mut names, &["/a"]), None);
    drop(held);
    assert!(told(&mut names, &[]).is_some(), "it is wanted still");
}

/// Returns a watcher of places in a directory, and its table.
fn watcher(top: &Path) -> (Watcher, Names) {
    let path = |name: &str| top.join(name).to_str().unwrap().to_owned();
    let (tasks, pods) = (path("containerd/tasks"), path("pods"));
    watcher_of(&[(tasks.as_str(), Kind::Tasks), (pods.as_str(), Kind::Pods)])
}

/// Returns a watcher of these places, and its table.
fn watcher_of(places: &[(&str, Kind)]) -> (Watcher, Names) {
    let table = Arc::new(Mutex::new(Table::default()));
    let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
    (Watcher::new(inotify, Arc::clone(&table), places), Names::new(table))
}

fn config(cgroup: &str, name: &str) -> String {
    format!(
        r#"{{"annotations":{{"io.kubernetes.cri.container-name":"{name}"}},"linux":{{"cgroupsPath":"{cgroup}"}}}}"#
    )
}

/// Processes changes and reads files until nothing has been due for a while.
fn settle(watcher: &mut Watcher) {
    for _ in 0..4 {
        watcher.hear();
        watcher.work();
        thread::sleep(Duration::from_millis(12));
    }
}

#[test]
fn follows_containers_that_appear_and_disappear() {
    let top = tempfile::tempdir().unwrap();
    let (mut watcher, mut names) = watcher(top.path());
    watcher.find_places();
    let name = |names: &mut Names, cgroup: &str| -> Option<String> {
        let told = told(names, &[cgroup])?;
        Some(told.containers.first()?.name.as_ref()?.to_words())
    };
    // Places, namespaces and tasks that do not exist at the start.
    let task = top.path().join("containerd/tasks/k8s.io").join(ID);
    fs::create_dir_all(&task).unwrap();
    settle(&mut watcher);
    assert_eq!(name(&mut names, "/a"), None);
    // A half-written file names no container.
    let whole = config("/a", "web");
    fs::write(task.join("config.json"), &whole[..whole.len() / 2]).unwrap();
    settle(&mut watcher);
    assert_eq!(name(&mut names, "/a"), None);
    fs::write(task.join("config.json"), &whole).unwrap();
    for _ in 0..100 {
        settle(&mut watcher);
        if let Some(name) = name(&mut names, "/a") {
            assert_eq!(name, "web");
            break;
        }
    }
    assert_eq!(name(&mut names, "/a"), None, "it was told once, and is the same");
    // The same identifier again now belongs to another container.
    fs::remove_dir_all(&task).unwrap();
    settle(&mut watcher);
    fs::create_dir(&task).unwrap();
    fs::write(task.join("config.json"), config("/a", "newer")).unwrap();
    settle(&mut watcher);
    assert_eq!(name(&mut names, "/a").as_deref(), Some("newer"));
    fs::remove_dir_all(&task).unwrap();
    settle(&mut watcher);
    let mut fresh = Names::new(Arc::clone(&names.table));
    assert_eq!(name(&mut fresh, "/a"), None, "it is gone");
}

#[test]
fn reads_pods_from_log_directories() {
    let top = tempfile::tempdir().unwrap();
    let uid = "0d08203e-255a-11e9-8cd9-0007cb0b2cc8";
    fs::create_dir_all(top.path().join(format!("pods/prod_shop-7d9_{uid}"))).unwrap();
    let (mut watcher, mut names) = watcher(top.path());
    watcher.find_places();
    watcher.work();
    let told = told(&mut names, &[&format!("/kubepods/burstable/pod{uid}")]).unwrap();
    assert_eq!(told.pods.first().map(|pod| pod.namespace.clone()), Some("prod".into()));
}

#[test]
fn ignores_a_place_that_others_can_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let top = tempfile::tempdir().unwrap();
    let task = top.path().join("containerd/tasks/k8s.io").join(ID);
    fs::create_dir_all(&task).unwrap();
    fs::write(task.join("config.json"), config("/a", "evil")).unwrap();
    fs::set_permissions(&task, fs::Permissions::from_mode(0o777)).unwrap();
    let (mut watcher, mut names) = watcher(top.path());
    watcher.find_places();
    settle(&mut watcher);
    assert_eq!(told(&mut names, &["/a"]), None);
}

/// The state of a container of crun that a user wrote.
fn users_state(top: &Path, id: &str, cgroup: &str) {
    let state = top.join(format!("1000/crun/{id}"));
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("status"), format!(r#"{{"pid":0,"cgroup-path":"{cgroup}"}}"#)).unwrap();
}

#[test]
fn a_user_describes_only_own_containers() {
    let top = tempfile::tempdir().unwrap();
    let own = format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope");
    let others = [
        format!("/machine.slice/libpod-{ID}.scope"),
        format!("/user.slice/user-1001.slice/user@1001.service/user.slice/libpod-{ID}.scope"),
        format!("/user.slice/user-1000.slice/user@1000.service/../../../docker/{ID}"),
    ];
    users_state(top.path(), ID, &own);
    for (number, cgroup) in others.iter().enumerate() {
        users_state(top.path(), &format!("evil{number}"), cgroup);
    }
    let (mut watcher, mut names) = watcher_of(&[(top.path().to_str().unwrap(), Kind::Users)]);
    watcher.find_places();
    watcher.work();
    let found = |names: &mut Names, path: &str| told(names, &[path]).map_or(0, |told| told.containers.len());
    assert_eq!(found(&mut names, &own), 1);
    for cgroup in &others {
        assert_eq!(found(&mut names, cgroup), 0, "{cgroup}");
    }
    // The user logs out.
    fs::remove_dir_all(top.path().join("1000")).unwrap();
    settle(&mut watcher);
    let mut fresh = Names::new(Arc::clone(&names.table));
    assert_eq!(found(&mut fresh, &own), 0);
}
