//! Names of the calls in the trigger's stacks, once the kernel has decided.

use std::collections::{BTreeSet, HashMap, VecDeque};

use oomtrace_common::{
    event,
    frame::{FrameHeader, Kind},
};

use super::{functions::Functions, mappings};
use crate::{
    context::{KernelSymbol, KernelSymbols},
    decode::wire,
    frame::context_frame,
    incident::build_id,
    kernel::{
        clock,
        kallsyms::{Call, Finder, List, Naming},
    },
};

/// Calls that are remembered: triggers of many kills are mostly the same.
const REMEMBERED: usize = 256;
/// Maximum number of different stacks that wait for the list to be read.
const WAITING: usize = 64;
/// Maximum number of passes that wait for it. In a storm, many have the same stack.
const PASSES: usize = 4096;
/// A search takes no further stack once it is for this many calls: each line of the list is compared with all of them.
const SEARCHED: usize = 128;
/// Pieces of the list that are read between two looks at the ring: half a millisecond.
const PIECES: u32 = 16;
/// Passes whose names are sent between two looks at the ring. The frame of a pass can have 3 KiB.
const NAMED: usize = 16;

/// The stacks of a trigger.
pub(in crate::source) struct Stacks {
    pass: u64,
    pid: i32,
    kernel: Vec<u64>,
    user: Vec<event::UserCall>,
}

impl Stacks {
    /// Returns the stacks in a frame.
    pub(in crate::source) fn of(header: &FrameHeader, payload: &[u8]) -> Option<Self> {
        if header.kind != Kind::Stack.number() {
            return None;
        }
        let stack: event::Stack = wire(payload);
        Some(Self {
            pass: header.pass,
            pid: stack.pid,
            kernel: copied_of(&stack.kernel, stack.kernel_bytes),
            user: copied_of(&stack.user, stack.user_bytes),
        })
    }
}

fn copied_of<T: Copy>(calls: &[T], bytes: i32) -> Vec<T> {
    let count = usize::try_from(bytes).unwrap_or(0) / size_of::<T>().max(1);
    calls.get(..count).unwrap_or(calls).to_vec()
}

/// Looks up the files of the calls in user space: the trigger is often the victim and exits soon. Names of functions follow later, unless
/// they are known.
pub(in crate::source) fn files(stacks: &Stacks, functions: &mut Functions, batch: &mut Vec<u8>) {
    let innermost = stacks.user.first().map(|call| (build_id(&call.build_id), call.place));
    let innermost = innermost.as_ref().map(|(id, place)| (id.as_str(), *place));
    let located = mappings::locate(stacks.pid, &stacks.user);
    let symbols = functions.name((stacks.pass, stacks.pid), located, innermost);
    if symbols.more || !symbols.symbols.is_empty() {
        batch.extend(context_frame(Kind::UserSymbols, clock::boot_ns(), stacks.pass, &symbols));
    }
}

/// Finds the names of calls, and remembers them.
pub(in crate::source) struct CallTraces {
    /// The kernel's own way to name calls. Its program is loaded at the start, because later no program can be loaded.
    naming: Option<Naming>,
    /// For kernels that do not name calls themselves. It is opened while this process may see addresses.
    list: Option<List>,
    /// Calls in the kernel itself, in BPF programs and in trampolines. Modules come and go.
    known: HashMap<u64, KernelSymbol>,
    search: Option<Search>,
    /// Stacks that came while the list was being read. The next search is for all of them.
    waiting: VecDeque<Waiting>,
    /// Passes whose names were found and are sent next.
    named: VecDeque<(Vec<u64>, Vec<KernelSymbol>)>,
}

/// The calls of one or more passes whose names are wanted.
struct Waiting {
    passes: Vec<u64>,
    calls: Vec<u64>,
}

/// A search through the list, for all calls of several stacks.
struct Search {
    stacks: Vec<Waiting>,
    finder: Finder,
}

impl CallTraces {
    /// Starts without any known names.
    pub(in crate::source) fn new() -> Self {
        let naming = Naming::new();
        let list = if naming.is_some() { None } else { List::open() };
        Self {
            naming,
            list,
            known: HashMap::new(),
            search: None,
            waiting: VecDeque::new(),
            named: VecDeque::new(),
        }
    }

    /// Adds the names that are remembered or that the kernel finds itself. The other names are searched in the list later.
    pub(in crate::source) fn look_up(&mut self, stacks: &Stacks, batch: &mut Vec<u8>) {
        let unknown = self.unknown(&stacks.kernel);
        if unknown.is_empty() {
            return tell(stacks.pass, self.names(&stacks.kernel), false, batch);
        }
        if let Some(naming) = &self.naming {
            let named = unknown.iter().filter_map(|address| Some((*address, naming.name(*address)?)));
            let named: Vec<(u64, Call)> = named.collect();
            let mut names = self.names(&stacks.kernel);
            names.extend(named.into_iter().map(|(address, call)| self.keep(address, call)));
            tell(stacks.pass, names, false, batch);
        } else if self.list.is_some() && self.wait(stacks) {
            tell(stacks.pass, Vec::new(), true, batch);
            self.search_on();
        } else {
            tell(stacks.pass, self.names(&stacks.kernel), false, batch);
        }
    }

    /// Puts a stack into the queue for the next search. Returns false if it has no room.
    fn wait(&mut self, stacks: &Stacks) -> bool {
        if self.waiting.iter().map(|waiting| waiting.passes.len()).sum::<usize>() >= PASSES {
            return false;
        }
        if let Some(same) = self.waiting.iter_mut().find(|waiting| waiting.calls == stacks.kernel) {
            same.passes.push(stacks.pass);
            return true;
        }
        let has_room = self.waiting.len() < WAITING;
        if has_room {
            self.waiting.push_back(Waiting { passes: vec![stacks.pass], calls: stacks.kernel.clone() });
        }
        has_room
    }

    fn unknown(&self, calls: &[u64]) -> Vec<u64> {
        calls.iter().filter(|address| !self.known.contains_key(*address)).copied().collect()
    }

    fn names(&self, calls: &[u64]) -> Vec<KernelSymbol> {
        calls.iter().filter_map(|address| self.known.get(address).cloned()).collect()
    }

    /// Starts a search for the stacks that wait, unless one is in progress. Stacks whose calls are all known by now need none.
    fn search_on(&mut self) {
        if self.search.is_some() {
            return;
        }
        let (mut stacks, mut wanted) = (Vec::new(), BTreeSet::new());
        while wanted.len() < SEARCHED
            && let Some(next) = self.waiting.pop_front()
        {
            let unknown = self.unknown(&next.calls);
            if unknown.is_empty() {
                let names = self.names(&next.calls);
                self.named.push_back((next.passes, names));
            } else {
                wanted.extend(unknown);
                stacks.push(next);
            }
        }
        let finder = || Finder::new(&wanted.iter().copied().collect::<Vec<u64>>());
        self.search = (!stacks.is_empty()).then(|| Search { stacks, finder: finder() });
    }

    /// Whether the list is being read, or names are to be sent.
    pub(in crate::source) fn is_reading(&self) -> bool {
        self.search.is_some() || !self.named.is_empty()
    }

    /// Sends the names of some passes, or reads some more of the list.
    pub(in crate::source) fn read_on(&mut self, batch: &mut Vec<u8>) {
        if let Some((passes, names)) = self.named.front_mut() {
            let now = passes.len().min(NAMED);
            passes.drain(..now).for_each(|pass| tell(pass, names.clone(), false, batch));
            if passes.is_empty() {
                self.named.pop_front();
            }
            return;
        }
        let (Some(list), Some(search)) = (&self.list, &mut self.search) else { return };
        if (0..PIECES).all(|_| search.finder.read_on(list)) {
            return;
        }
        let Some(Search { stacks, finder }) = self.search.take() else { return };
        let found: Vec<KernelSymbol> =
            finder.found().into_iter().map(|(address, call)| self.keep(address, call)).collect();
        for Waiting { passes, calls } in stacks {
            let is_of = |symbol: &&KernelSymbol| calls.contains(&symbol.address);
            let mut names: Vec<KernelSymbol> = found.iter().filter(is_of).cloned().collect();
            let is_new = |symbol: &KernelSymbol| !found.iter().any(|one| one.address == symbol.address);
            names.extend(self.names(&calls).into_iter().filter(is_new));
            self.named.push_back((passes, names));
        }
        self.search_on();
    }

    fn keep(&mut self, address: u64, call: Call) -> KernelSymbol {
        let Call { name, offset, size, module } = call;
        let symbol = KernelSymbol { address, name, offset, size, module };
        if stays(&symbol) && self.known.len() < REMEMBERED {
            self.known.insert(address, symbol.clone());
        }
        symbol
    }
}

/// Whether this address will have the same name later. The kernel lists BPF programs and trampolines as a module, `bpf`. Every stack
/// begins with oomtrace's own, which stay as long as it runs.
fn stays(symbol: &KernelSymbol) -> bool {
    symbol.module.as_deref().is_none_or(|module| module == "bpf")
}

/// Each stack has its names beside it: a recording may begin anywhere. The incident waits for names if `more` follow, and no longer if
/// none were found.
fn tell(pass: u64, symbols: Vec<KernelSymbol>, more: bool, batch: &mut Vec<u8>) {
    let symbols = KernelSymbols { symbols, more };
    batch.extend(context_frame(Kind::KernelSymbols, clock::boot_ns(), pass, &symbols));
}

#[cfg(test)]
mod tests {
    use oomtrace_common::{
        event,
        frame::{FrameHeader, Kind},
    };
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::{CallTraces, NAMED, PASSES, REMEMBERED, Stacks, WAITING};
    use crate::{
        context::KernelSymbols,
        kernel::kallsyms::{self, Call, List},
    };

    fn frame(kernel: &[u64]) -> Option<Stacks> {
        let mut stack = event::Stack::new_zeroed();
        stack.kernel_bytes = i32::try_from(kernel.len() * 8).unwrap();
        stack.user_bytes = -14;
        stack.kernel[..kernel.len()].copy_from_slice(kernel);
        let payload = &stack.as_bytes()[..size_of::<event::Stack>() - size_of_val(&stack.user)];
        let len = u32::try_from(payload.len()).unwrap();
        let header = FrameHeader { kind: Kind::Stack.number(), reserved: 0, len, boot_ns: 7, pass: 3 };
        Stacks::of(&header, payload)
    }

    fn told(traces: &mut CallTraces, stacks: &Stacks) -> KernelSymbols {
        let mut batch = Vec::new();
        traces.look_up(stacks, &mut batch);
        // If the list must be read, the first frame only says so.
        batch.truncate(if traces.is_reading() { 0 } else { batch.len() });
        while traces.is_reading() {
            traces.read_on(&mut batch);
        }
        serde_json::from_slice(&batch[size_of::<FrameHeader>()..]).unwrap()
    }

    #[test]
    fn remembers_bpf_programs_and_no_modules() {
        let mut traces = CallTraces::new();
        let call = |name: &str, module: Option<&str>| Call {
            name: name.to_owned(),
            offset: 1,
            size: Some(2),
            module: module.map(str::to_owned),
        };
        traces.keep(1, call("out_of_memory", None));
        traces.keep(2, call("bpf_trampoline_6442547658", Some("bpf")));
        traces.keep(3, call("ext4_da_write_begin", Some("ext4")));
        let mut known: Vec<u64> = traces.known.keys().copied().collect();
        known.sort_unstable();
        assert_eq!(known, [1, 2]);
    }

    #[test]
    fn reads_the_list_once_for_stacks_that_arrive_meanwhile() {
        // Unprivileged, addresses are hidden.
        let Some(address) = kallsyms::address("out_of_memory") else { return };
        let mut traces = CallTraces { naming: None, list: List::open(), ..CallTraces::new() };
        let mut batch = Vec::new();
        let mut look_up = |traces: &mut CallTraces, more| {
            traces.look_up(&frame(&[address + more]).unwrap(), &mut batch);
        };
        look_up(&mut traces, 5);
        (0..PASSES).for_each(|_| look_up(&mut traces, 5));
        assert_eq!(traces.search.as_ref().unwrap().stacks.len(), 1);
        assert_eq!(traces.waiting.len(), 1, "one stack, of many passes");
        look_up(&mut traces, 5);
        while traces.search.is_some() {
            traces.read_on(&mut batch);
        }
        assert!(traces.waiting.is_empty(), "no second search");
        while traces.is_reading() {
            let before = batch.len();
            traces.read_on(&mut batch);
            assert!(batch.len() - before <= NAMED * 400, "some passes at a time");
        }
        // Each pass is announced and then named. The one without room gets only the names that are known.
        let frames = String::from_utf8_lossy(&batch).matches("\"symbols\"").count();
        assert_eq!(frames, 2 * (PASSES + 1) + 1);
    }

    #[test]
    fn lets_a_limited_number_of_different_stacks_wait() {
        // Unprivileged, addresses are hidden.
        let Some(address) = kallsyms::address("out_of_memory") else { return };
        let mut traces = CallTraces { naming: None, list: List::open(), ..CallTraces::new() };
        for more in 0..=2 * WAITING as u64 {
            traces.look_up(&frame(&[address + more]).unwrap(), &mut Vec::new());
        }
        assert_eq!(traces.waiting.len(), WAITING);
    }

    #[test]
    fn names_the_calls_of_a_stack_and_remembers_them() {
        // Unprivileged, addresses are hidden.
        let Some(address) = kallsyms::address("out_of_memory") else { return };
        let stacks = frame(&[address + 5, 7]).unwrap();
        let mut traces = CallTraces::new();
        let first = told(&mut traces, &stacks);
        let [call] = first.symbols.as_slice() else { panic!("{first:?}") };
        assert_eq!((call.name.as_str(), call.offset), ("out_of_memory", 5));
        assert_eq!(traces.known.len(), 1);
        assert_eq!(told(&mut traces, &stacks), first);
        for more in 6..600 {
            told(&mut traces, &frame(&[address + more]).unwrap());
        }
        assert_eq!(traces.known.len(), REMEMBERED);
    }
}
