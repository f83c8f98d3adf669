use std::rc::Rc;

use super::example::{adds_up, blocks, candidate, cgroup, decide, machine, mounts, movable};
use crate::{
    account::{of_cgroup, of_machine, words::share},
    incident::{Incident, MemoryState, Node, Surroundings, Zone},
};

/// A pseudo-random sequence of numbers that is the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // Produce numbers of every magnitude, including both ends.
        match self.0 % 7 {
            0 => 0,
            1 => u64::MAX,
            2 => self.0 % 100,
            _ => self.0 >> (self.0 % 64),
        }
    }

    fn maybe(&mut self) -> Option<u64> {
        let number = self.next();
        (!number.is_multiple_of(3)).then_some(number)
    }
}

fn state(numbers: &mut Numbers) -> MemoryState {
    let names: Vec<String> = movable().nodes[0].counters.keys().cloned().collect();
    let mut zone = |index: u32| Zone {
        node: i32::try_from(numbers.next() % 2).unwrap(),
        name: "Zone\u{1b}".to_owned(),
        index,
        free_pages: numbers.next(),
        min_pages: numbers.maybe(),
        boost_pages: numbers.maybe(),
        reserve_pages: vec![numbers.next(); 3],
        managed_pages: Some(numbers.next()),
        cma_free_pages: numbers.maybe(),
        highatomic_pages: numbers.maybe(),
        percpu_pages: numbers.maybe(),
        free_blocks: blocks(&[(numbers.next(), &["movable"]), (numbers.next(), &["cma"])]),
        ..Zone::default()
    };
    let zones = (0..4).map(&mut zone).collect();
    let counters = names.into_iter().map(|name| (name, numbers.next())).collect();
    let lines = ["MemTotal", "Percpu", "VmallocUsed", "Hugetlb", "Hugepagesize", "HugePages_Free"];
    MemoryState {
        class: Some(u32::try_from(numbers.next() % 5).unwrap()),
        allowed_nodes: numbers.maybe().map(|_| vec![1]),
        zones,
        nodes: vec![Node { node: 0, counters }],
        swap_total_bytes: numbers.maybe(),
        swap_free_bytes: numbers.maybe(),
        meminfo: Some(lines.map(|name| (name.to_owned(), numbers.next())).into()),
        ..MemoryState::default()
    }
}

fn surroundings(numbers: &mut Numbers) -> Surroundings {
    let tmpfs = mounts(&[("/\u{202e}", 1), ("/b", 2)]).tmpfs.map(|mut mounts| {
        mounts.iter_mut().for_each(|mount| mount.used_bytes = numbers.next());
        mounts
    });
    Surroundings { tmpfs, sysv_shm_bytes: numbers.maybe(), ..Surroundings::default() }
}

fn people(incident: &mut Incident, numbers: &mut Numbers) {
    let mut rows =
        vec![candidate(5, "a", 1, Some(9)), candidate(6, "b", 2, None), candidate(7, "c", 3, Some(8))];
    for row in &mut rows {
        let memory = row.task.memory.as_mut().unwrap();
        (memory.anon_pages, memory.shmem_pages, memory.pgtables_bytes) =
            (numbers.next(), numbers.next(), numbers.next());
    }
    decide(incident, rows);
}

#[test]
fn parts_of_a_machine_add_up_for_any_figures() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let gfp_mask = u32::try_from(numbers.next() % 16).unwrap();
        let order = i32::try_from(numbers.next() % 90).unwrap() - 1;
        let mut incident = machine(state(&mut numbers), gfp_mask, order);
        incident.surroundings = Some(Rc::new(surroundings(&mut numbers)));
        people(&mut incident, &mut numbers);
        if let Some(account) = of_machine(&incident) {
            adds_up(&account);
            let clause = account.clause().unwrap_or_default();
            assert!(!clause.contains(['\u{1b}', '\u{202e}']), "{clause}");
        }
    }
}

#[test]
fn parts_of_a_cgroup_add_up_for_any_figures() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let names = [
        "anon",
        "file",
        "shmem",
        "kernel",
        "slab_reclaimable",
        "slab_unreclaimable",
        "kernel_stack",
        "pagetables",
        "sock",
        "percpu",
        "vmalloc",
        "zswap",
        "swapcached",
        "inactive_anon",
        "active_file",
        "unevictable",
        "file_dirty",
        "hugetlb",
    ];
    for _ in 0..20_000 {
        let mut incident = cgroup(&[], numbers.next() >> 3);
        incident.memory_stat = Some(Rc::new(names.map(|name| (name.to_owned(), numbers.next())).into()));
        incident.surroundings = Some(Rc::new(surroundings(&mut numbers)));
        people(&mut incident, &mut numbers);
        let account = of_cgroup(&incident, 7).unwrap();
        adds_up(&account);
        assert!(account.candidates_bytes.unwrap() <= account.total_bytes);
        assert!(account.stays_bytes() <= account.total_bytes);
    }
}

#[test]
fn amounts_of_every_size_are_readable() {
    let mib = 1_u64 << 20;
    let expected = [
        (28 * mib, 32 * mib, "28.0 of 32.0 MiB"),
        (22 * mib, 940 * mib, "22 of 940 MiB"),
        (700 << 10, 32 * mib, "700 KiB of 32.0 MiB"),
        (0, 32 * mib, "0.0 of 32.0 MiB"),
        (0, 0, "0 of 0 B"),
        (999 * mib, 1000 * mib, "999 MiB of 1.0 GiB"),
        (u64::MAX, u64::MAX, "16384 of 16384 PiB"),
    ];
    for (bytes, total, text) in expected {
        assert_eq!(share(bytes, total), text);
    }
}
