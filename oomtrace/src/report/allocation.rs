//! Describes the allocation and its purpose.

use serde::Serialize;

use crate::{
    bytes::ByteString,
    explain,
    incident::{self, AllocationKind, CallTrace, Incident, KernelCall},
    kernel::facts::gfp_names,
};

/// The allocation that could not be served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Allocation {
    /// The order of the allocation: 2^order pages; -1 for SysRq.
    pub order: Option<i32>,
    /// The mask in hexadecimal.
    pub gfp_mask: Option<String>,
    /// The names of the flags, as the kernel's log spells them.
    pub gfp_flags: Option<Vec<String>>,
    /// "none", "cpuset", "memory_policy" or "memcg".
    pub constraint: Option<&'static str>,
    /// The purpose, concluded from `stack`.
    pub kind: Option<AllocationKind>,
    /// The system call that the trigger was in.
    pub syscall: Option<String>,
    /// The trigger's calls in the kernel, innermost first, as the kernel's log spells them.
    pub stack: Option<Vec<String>>,
    /// Whether deeper calls of `stack` are missing.
    pub stack_cut: Option<bool>,
    /// The trigger's calls in user space, innermost first.
    pub user_stack: Option<Vec<UserCall>>,
}

/// One call in user space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserCall {
    /// The build id of the file, in hexadecimal.
    pub build_id: Option<String>,
    /// Offset in the file.
    pub offset: Option<u64>,
    /// Path of the file, in the trigger's mount namespace.
    pub file: Option<ByteString>,
    /// The function.
    pub symbol: Option<String>,
}

pub(super) fn allocation(incident: &Incident) -> Allocation {
    let facts = incident.session.as_ref().map(|session| &session.facts);
    let request = incident.request.as_ref();
    let flags = |mask: u32| facts.map(|facts| gfp_names(u64::from(mask), facts));
    let trace = incident.call_trace.as_ref();
    let named = trace.filter(|trace| !trace.kernel.is_empty() && trace.has_names());
    Allocation {
        order: request.map(|request| request.order),
        gfp_mask: request.map(|request| format!("{:#x}", request.gfp_mask)),
        gfp_flags: request.and_then(|request| flags(request.gfp_mask)),
        constraint: request.and_then(|_| explain::constraint(incident)),
        kind: trace.and_then(CallTrace::kind),
        syscall: trace.and_then(CallTrace::syscall).map(str::to_owned),
        stack: named.map(|trace| trace.kernel.iter().map(kernel_call).collect()),
        stack_cut: named.map(|trace| trace.cut),
        user_stack: trace.map(|trace| trace.user.iter().map(user_call).collect()),
    }
}

/// Formats a call as the kernel spells it, `name+0x1a/0x2b [module]`. Without a symbol, only the address is shown.
fn kernel_call(call: &KernelCall) -> String {
    let Some(symbol) = &call.symbol else { return format!("{:#x}", call.address) };
    let size = symbol.size.map(|size| format!("/{size:#x}")).unwrap_or_default();
    let module = symbol.module.as_ref().map(|module| format!(" [{module}]")).unwrap_or_default();
    format!("{}+{:#x}{size}{module}", symbol.name, symbol.offset)
}

fn user_call(call: &incident::UserCall) -> UserCall {
    let incident::UserCall { build_id, offset, file, symbol, .. } = call.clone();
    UserCall { build_id, offset, file, symbol }
}
