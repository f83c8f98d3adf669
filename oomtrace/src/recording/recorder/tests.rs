use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use oomtrace_common::frame::Kind;

use time::macros::datetime;

use super::{Place, Recorder, Rotation, Trouble, directory::Directory, disk::Disk};
use crate::{
    context::Tick,
    frame::{Frame, context_frame},
    recording::{Reader, append},
};

/// A frame whose time is its number.
fn frame(number: u64) -> Vec<u8> {
    context_frame(Kind::Tick, number, 0, &Tick {})
}

fn session() -> Vec<u8> {
    context_frame(Kind::Session, u64::MAX, 0, &Tick {})
}

fn disk(place: Place) -> Disk {
    Disk::open(place).unwrap()
}

fn records(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut records = Vec::new();
    for frame in frames {
        assert!(append(&frame, &mut records));
    }
    records
}

/// The numbers of a recording's frames.
fn numbers(path: &Path) -> Vec<u64> {
    let mut reader = Reader::new(File::open(path).unwrap()).unwrap();
    let (mut numbers, mut bytes) = (Vec::new(), Vec::new());
    while reader.next(&mut bytes).unwrap() {
        numbers.push(Frame::parse(&bytes).unwrap().header.boot_ns);
        bytes.clear();
    }
    numbers
}

/// The recordings in a directory, oldest first, with their bytes on disk.
fn recordings(directory: &Path) -> Vec<(PathBuf, u64)> {
    let path = |name: PathBuf| directory.join(name);
    let bytes = |path: &Path| fs::symlink_metadata(path).unwrap().blocks() * 512;
    let files = crate::recording::directory::files(directory).unwrap();
    files.into_iter().map(path).map(|path| (path.clone(), bytes(&path))).collect()
}

/// A user who can write the parent directory may replace this one by a link to another. The recordings there are not touched.
#[test]
fn does_not_create_or_prune_behind_a_link_that_replaced_the_directory() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    fs::create_dir(path("theirs")).unwrap();
    fs::create_dir(path("open")).unwrap();
    let kept = path("theirs/20200101T000000.000000Z.oomtrace");
    fs::write(&kept, vec![1; 1 << 16]).unwrap();
    let rotation = Rotation { file_bytes: 4096, file_age: Duration::from_secs(3600), total_bytes: 0 };
    let mut disk = disk(Place::Directory(path("open/ours"), rotation));
    disk.write(&records([session()]), true).unwrap();
    fs::rename(path("open/ours"), path("moved")).unwrap();
    symlink(path("theirs"), path("open/ours")).unwrap();
    fs::set_permissions(path("open"), fs::Permissions::from_mode(0o777)).unwrap();
    let errors: Vec<_> =
        (1..4).filter_map(|number| disk.write(&records([frame(number)]), true).err()).collect();
    drop(disk);
    assert!(
        !errors.is_empty() && errors.iter().all(|error| error.to_string().contains("refusing")),
        "{errors:?}"
    );
    assert!(kept.exists(), "another directory's recording was pruned");
    assert_eq!(fs::read_dir(path("theirs")).unwrap().count(), 1);
}

#[test]
fn continues_in_a_new_directory_if_the_old_one_was_moved() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    let rotation = Rotation { file_bytes: 4096, file_age: Duration::from_secs(3600), total_bytes: u64::MAX };
    let mut disk = disk(Place::Directory(path("ours"), rotation));
    disk.write(&records([session()]), true).unwrap();
    fs::rename(path("ours"), path("moved")).unwrap();
    disk.write(&records([frame(1)]), true).unwrap();
    assert_eq!(recordings(&path("ours")).len(), 1);
    assert!(
        Disk::open(Place::Directory(path("ours"), rotation)).is_err(),
        "the new one has its recorder, too"
    );
    disk.close().unwrap();
}

#[test]
fn pruning_removes_a_planted_link_but_not_its_target() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    fs::write(path("victim"), vec![1; 1 << 16]).unwrap();
    let directory = path("recordings");
    fs::create_dir(&directory).unwrap();
    symlink(path("victim"), directory.join("20200101T000000.000000Z.oomtrace")).unwrap();
    let rotation = Rotation { file_bytes: 4096, file_age: Duration::from_secs(3600), total_bytes: 0 };
    let mut disk = disk(Place::Directory(directory, rotation));
    (0..4).for_each(|number| disk.write(&records([frame(number)]), true).unwrap());
    disk.close().unwrap();
    assert_eq!(fs::metadata(path("victim")).unwrap().len(), 1 << 16);
}

#[test]
fn makes_no_file_through_a_link_that_another_user_can_have_planted() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    fs::create_dir(path("secret")).unwrap();
    fs::create_dir(path("open")).unwrap();
    symlink(path("secret"), path("open/link")).unwrap();
    fs::set_permissions(path("open"), fs::Permissions::from_mode(0o777)).unwrap();
    let rotation = Rotation { file_bytes: 4096, file_age: Duration::from_secs(3600), total_bytes: 0 };
    for place in [Place::File(path("open/link/a")), Place::Directory(path("open/link/new"), rotation)] {
        let error = Disk::open(place).map(drop).unwrap_err().to_string();
        assert!(error.contains("refusing") && error.contains("symbolic link"), "{error}");
    }
    assert_eq!(fs::read_dir(path("secret")).unwrap().count(), 0);
}

#[test]
fn file_contains_exactly_the_pushed_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut recorder =
        Recorder::start(Place::File(path.clone()), Box::new(|trouble| panic!("{trouble}"))).unwrap();
    recorder.push(&session());
    for batch in [0..3, 3..4, 4..4000] {
        batch.for_each(|number| recorder.push(&frame(number)));
        recorder.hand_over(true, true);
    }
    assert_eq!(recorder.finish(), 0);
    assert_eq!(numbers(&path), [vec![u64::MAX], (0..4000).collect()].concat());
    let refused = Recorder::start(Place::File(path), Box::new(|_| {}));
    assert!(refused.is_err_and(|error| error.kind() == std::io::ErrorKind::AlreadyExists));
}

#[test]
fn rotates_by_size_and_removes_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { file_bytes: 8192, file_age: Duration::from_secs(3600), total_bytes: 4 * 8192 };
    let mut disk = disk(Place::Directory(folder.path().to_owned(), rotation));
    disk.write(&records([session()]), true).unwrap();
    for batch in 0..40 {
        disk.write(&records((batch * 100..(batch + 1) * 100).map(frame)), true).unwrap();
    }
    disk.close().unwrap();
    let files = recordings(folder.path());
    let held: Vec<Vec<u64>> = files.iter().map(|(path, _)| numbers(path)).collect();
    assert!(held.len() > 1 && held.iter().all(|numbers| numbers.first() == Some(&u64::MAX)));
    let rest: Vec<u64> = held.iter().flat_map(|numbers| &numbers[1..]).copied().collect();
    assert_eq!(rest.last(), Some(&3999));
    assert!(
        rest.windows(2).all(|pair| pair[1] == pair[0] + 1) && rest[0] > 0,
        "the oldest went, and nothing else"
    );
}

#[test]
fn new_limits_apply_at_the_next_write() {
    let folder = tempfile::tempdir().unwrap();
    let rotation =
        Rotation { file_bytes: 1 << 20, file_age: Duration::from_secs(3600), total_bytes: u64::MAX };
    let place = Place::Directory(folder.path().to_owned(), rotation);
    let mut recorder = Recorder::start(place, Box::new(|trouble| panic!("{trouble}"))).unwrap();
    let (kept, limits) = (recorder.kept(), recorder.limits());
    let mut write = |frame: &[u8], count: u64| {
        recorder.push(frame);
        recorder.hand_over(true, true);
        while kept.frames() < count {
            std::thread::sleep(Duration::from_millis(1));
        }
        recordings(folder.path()).len()
    };
    assert_eq!((write(&session(), 1), write(&frame(1), 2)), (1, 1));
    limits.set(Rotation { file_age: Duration::ZERO, ..rotation });
    assert_eq!((write(&frame(2), 3), write(&frame(3), 4)), (2, 3));
    limits.set(rotation);
    assert_eq!(write(&frame(4), 5), 3);
    assert_eq!(recorder.finish(), 0);
}

#[test]
fn names_never_go_back_with_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { file_bytes: 4096, file_age: Duration::from_secs(3600), total_bytes: u64::MAX };
    let place = Place::Directory(folder.path().to_owned(), rotation);
    // One name that oomtrace did not give, and one from a recorder whose clock was ahead.
    fs::write(folder.path().join("zebra.oomtrace"), "").unwrap();
    fs::write(folder.path().join("29991231T235959.999999Z.oomtrace"), "").unwrap();
    let (mut made, directory) = (Vec::new(), Directory::open(&place).unwrap());
    for now in
        [datetime!(2026-11-26 12:00 UTC), datetime!(1970-01-01 0:00 UTC), datetime!(3001-01-01 0:00 UTC)]
    {
        let name = place.next_name(|| directory.names(), now).unwrap();
        fs::write(folder.path().join(&name), "").unwrap();
        made.push(Path::new(&name).file_stem().unwrap().to_str().unwrap().to_owned());
    }
    assert_eq!(made, ["30000101T000000.000000Z", "30000101T000000.000001Z", "30010101T000000.000000Z"]);
}

#[test]
fn starts_a_new_file_if_the_current_one_vanishes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut disk = disk(Place::File(path.clone()));
    disk.write(&records([session()]), true).unwrap();
    fs::remove_file(&path).unwrap();
    disk.write(&records([frame(7)]), true).unwrap();
    disk.close().unwrap();
    assert_eq!(numbers(&path), [u64::MAX, 7]);
}

#[test]
fn keeps_an_incident_in_one_file_up_to_twice_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { file_bytes: 8192, file_age: Duration::from_secs(3600), total_bytes: u64::MAX };
    let mut disk = disk(Place::Directory(folder.path().to_owned(), rotation));
    let files = || recordings(folder.path()).len();
    // One block per incident, and one for the header: the fourth incident finds four blocks.
    for expected in [1, 1, 1, 2] {
        disk.write(&records([frame(1)]), false).unwrap();
        assert_eq!(files(), expected);
    }
}

#[test]
fn reports_a_failing_disk_and_counts_the_loss() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    let rotation = Rotation { file_bytes: 1, file_age: Duration::from_secs(3600), total_bytes: u64::MAX };
    let (tell, told) = std::sync::mpsc::channel();
    let tell = Box::new(move |trouble: &Trouble| tell.send(trouble.to_string()).unwrap());
    let mut recorder = Recorder::start(Place::Directory(inner.clone(), rotation), tell).unwrap();
    // The directory becomes a file, so that not even root can create a file in it.
    fs::rename(&inner, folder.path().join("away")).unwrap();
    fs::write(&inner, "").unwrap();
    (0..10).for_each(|number| recorder.push(&frame(number)));
    recorder.hand_over(true, true);
    let said = told.recv().unwrap();
    assert!(said.contains("cannot record") && said.contains("inner"), "{said}");
    recorder.push(&frame(10));
    recorder.hand_over(true, true);
    assert_eq!(recorder.finish(), 11);
    assert_eq!(
        told.try_iter().collect::<Vec<_>>(),
        Vec::<String>::new(),
        "recording neither continues nor fails again"
    );
}

#[test]
fn leaves_no_file_if_recording_never_began() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let start =
        || Recorder::start(Place::File(path.clone()), Box::new(|trouble| panic!("{trouble}"))).unwrap();
    drop(start());
    assert!(!path.exists());
    let recorder = start();
    fs::rename(&path, folder.path().join("away")).unwrap();
    fs::write(&path, "another's").unwrap();
    drop(recorder);
    assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
}

#[test]
fn allows_one_recorder_per_directory() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { file_bytes: 8192, file_age: Duration::from_secs(3600), total_bytes: u64::MAX };
    let start =
        || Recorder::start(Place::Directory(folder.path().to_owned(), rotation), Box::new(|_| {})).map(drop);
    let first = disk(Place::Directory(folder.path().to_owned(), rotation));
    assert!(start().is_err_and(|error| error.to_string().contains("another oomtrace")));
    drop(first);
    start().unwrap();
}

#[test]
fn reports_a_file_that_cannot_be_removed_and_records_on() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { file_bytes: 4096, file_age: Duration::from_secs(3600), total_bytes: 0 };
    let mut disk = disk(Place::Directory(folder.path().to_owned(), rotation));
    disk.write(&records([session()]), true).unwrap();
    let first = recordings(folder.path()).remove(0).0;
    // Not even root can remove a mount point.
    let other = folder.path().join("other");
    fs::write(&other, "").unwrap();
    if let Err(error) = rustix::mount::mount_bind(&other, &first) {
        eprintln!("skipped: mounting takes root: {error}");
        return;
    }
    let written = (1..4).map(|number| disk.write(&records([frame(number)]), true)).collect::<Vec<_>>();
    let left = disk.left.take();
    disk.close().unwrap();
    rustix::mount::unmount(&first, rustix::mount::UnmountFlags::DETACH).unwrap();
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    assert_eq!(left.unwrap().0, first);
    assert_eq!(recordings(folder.path()).len(), 2, "the one that stayed, and the last");
}

#[test]
fn notes_a_loss_at_the_place_of_the_missing_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let (tell, told) = std::sync::mpsc::channel();
    let tell =
        Box::new(move |trouble: &Trouble| tell.send(matches!(trouble, Trouble::Failing { .. })).unwrap());
    let mut recorder = Recorder::start(Place::File(path.clone()), tell).unwrap();
    let push = |recorder: &mut Recorder, frame: &[u8]| {
        recorder.push(frame);
        recorder.hand_over(true, true);
    };
    push(&mut recorder, &session());
    while recorder.kept().frames() == 0 {
        std::thread::yield_now();
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    push(&mut recorder, &frame(0));
    assert!(told.recv().unwrap());
    let waiting = u64::try_from(super::WAITING_BATCHES).unwrap();
    (1..=waiting + 10).for_each(|number| push(&mut recorder, &frame(number)));
    fs::remove_dir(&path).unwrap();
    assert!(!told.recv().unwrap());
    assert_eq!(recorder.finish(), 10);
    let (mut reader, mut kinds) = (Reader::new(File::open(&path).unwrap()).unwrap(), Vec::new());
    let mut bytes = Vec::new();
    while reader.next(&mut bytes).unwrap() {
        kinds.push(Frame::parse(&bytes).unwrap().header.kind);
        bytes.clear();
    }
    let loss = kinds.iter().position(|kind| *kind == Kind::RecorderLoss.number());
    // The session, the records being written, and the waiting ones.
    assert_eq!((loss, kinds.len()), (Some(super::WAITING_BATCHES + 2), super::WAITING_BATCHES + 3));
}
