//! The trigger's stacks and the symbols of their addresses.

use oomtrace_common::event as wire;

use super::Assembler;
use crate::{
    context::{KernelSymbols, UserSymbol, UserSymbols},
    incident::{CallTrace, Incident, KernelCall, Symbol, UserCall, build_id},
    kernel::kallsyms::TRAMPOLINES,
};

/// The function in whose call the stack was read. Its callees and the BPF programs below it are not calls of the trigger.
const DECISION: &str = "out_of_memory";

impl Assembler {
    pub(super) fn take_stack(&mut self, pass: Option<u64>, stack: &wire::Stack) {
        let trace = call_trace(stack);
        let open = self.open.iter_mut().rev().find(|incident| {
            let by = |incident: &Incident| incident.trigger.as_ref().and_then(|trigger| trigger.tid);
            incident.pass == pass && (pass.is_some() || by(incident) == Some(stack.tid))
        });
        match (open, pass) {
            (Some(incident), _) => drop(incident.call_trace.get_or_insert(trace)),
            (None, Some(pass)) => self.memory.shortage_of(pass).call_trace = Some(trace),
            (None, None) => {}
        }
    }

    /// Adds names to the addresses in all open and waiting stacks. The stack of this pass waits for more of them if they follow.
    pub(super) fn take_kernel_symbols(&mut self, pass: Option<u64>, told: &KernelSymbols) {
        let of_pass = self.open.iter_mut().filter(|incident| incident.pass == pass);
        let of_pass = of_pass.filter_map(|incident| incident.call_trace.as_mut());
        of_pass
            .chain(self.memory.waiting_call_trace_of(pass))
            .for_each(|trace| trace.names_follow = told.more);
        let open = self.open.iter_mut().filter_map(|incident| incident.call_trace.as_mut());
        let calls = open.chain(self.memory.waiting_call_trace());
        for call in calls.flat_map(|trace| &mut trace.kernel).filter(|call| call.symbol.is_none()) {
            let found = told.symbols.iter().find(|symbol| symbol.address == call.address);
            call.symbol = found.map(|found| Symbol {
                name: found.name.clone(),
                offset: found.offset,
                size: found.size,
                module: found.module.clone(),
            });
        }
    }

    pub(super) fn take_user_symbols(&mut self, pass: Option<u64>, told: &UserSymbols) {
        let of = self.open.iter_mut().filter(|incident| {
            incident.pass == pass
                && incident.trigger.as_ref().is_some_and(|trigger| trigger.pid == Some(told.pid))
        });
        let of = of.filter_map(|incident| incident.call_trace.as_mut());
        for trace in of.chain(self.memory.waiting_call_trace_of(pass)) {
            trace.functions_follow = told.more;
            trace.user.iter_mut().filter(|call| call.symbol.is_none()).for_each(|call| name(call, told));
        }
    }
}

/// Adds the file and the function of a call, if they are among the symbols.
fn name(call: &mut UserCall, told: &UserSymbols) {
    let is_it = |symbol: &&UserSymbol| match symbol.address {
        Some(address) => call.address == Some(address),
        None => Some(&symbol.build_id) == call.build_id.as_ref() && Some(symbol.offset) == call.offset,
    };
    if let Some(found) = told.symbols.iter().find(is_it) {
        call.offset = Some(found.offset);
        call.file = call.file.take().or_else(|| found.file.clone());
        call.symbol.clone_from(&found.symbol);
    }
}

/// Removes calls that are not the trigger's: everything up to the decision itself, and the trampolines of BPF programs that
/// lead into it.
pub(super) fn complete(incident: &mut Incident) {
    let Some(trace) = incident.call_trace.as_mut() else { return };
    let is_decision = |call: &KernelCall| call.symbol.as_ref().is_some_and(|symbol| symbol.name == DECISION);
    let decision = trace.kernel.iter().rposition(is_decision);
    trace.kernel.drain(..decision.map_or(0, |last| last + 1));
    let own = trace.kernel.iter().take_while(|call| call.symbol.as_ref().is_some_and(is_of_programs)).count();
    trace.kernel.drain(..own);
    // A program at the exit of a function further up stands between that function and its caller. The kernel's log omits it,
    // too.
    trace.kernel.retain(|call| !call.symbol.as_ref().is_some_and(is_bpf));
}

/// Whether a symbol is a BPF program or leads to one. If the stack was read at the return of the decision, a trampoline stands in its
/// place.
/// A trampoline without a symbol of its own (return probes up to 5.10) resolves to the end of the function before it. No
/// caller of the decision returns to that place.
fn is_of_programs(symbol: &Symbol) -> bool {
    is_bpf(symbol) || TRAMPOLINES.contains(&symbol.name.as_str()) || symbol.size == Some(symbol.offset)
}

fn is_bpf(symbol: &Symbol) -> bool {
    symbol.module.as_deref() == Some("bpf") || symbol.name.starts_with("bpf_trampoline_")
}

fn call_trace(stack: &wire::Stack) -> CallTrace {
    let kernel = copied(&stack.kernel, stack.kernel_bytes);
    let user = copied(&stack.user, stack.user_bytes);
    CallTrace {
        kernel: kernel.iter().map(|address| KernelCall { address: *address, symbol: None }).collect(),
        user: user.iter().map(user_call).collect(),
        cut: kernel.len() == stack.kernel.len(),
        ..CallTrace::default()
    }
}

/// Returns the elements that fit in the number of copied bytes.
fn copied<T>(calls: &[T], bytes: i32) -> &[T] {
    let count = usize::try_from(bytes).unwrap_or(0) / size_of::<T>().max(1);
    calls.get(..count).unwrap_or(calls)
}

fn user_call(call: &wire::UserCall) -> UserCall {
    match call.status {
        wire::UserCall::VALID => UserCall {
            build_id: Some(build_id(&call.build_id)),
            offset: Some(call.place),
            ..UserCall::default()
        },
        _ => UserCall { address: Some(call.place), ..UserCall::default() },
    }
}
