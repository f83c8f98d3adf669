//! The fields of zones, nodes and stacks.

use oomtrace_common::event::{Node, Stack, UserCall, Zone};

use super::{Fields, Print};

/// The part of an array that was read.
fn list<T: ToString>(values: &[T], count: usize) -> String {
    let shown: Vec<String> = values.iter().take(count).map(ToString::to_string).collect();
    format!("[{}]", shown.join(" "))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Print for Zone {
    fn print(&self, fields: &mut Fields) {
        let has = |bit| self.present & bit != 0;
        fields.show("position", self.position);
        fields.show("zones", self.zones);
        fields.show("node", self.node);
        fields.show("index", self.index);
        if has(Self::NAME) {
            fields.string("name", &self.name);
        }
        fields.hex("present", self.present);
        fields.read(has(Self::MANAGED), "managed_pages", self.managed_pages);
        fields.read(has(Self::PRESENT), "present_pages", self.present_pages);
        fields.show("watermark", list(&self.watermark, self.watermarks.into()));
        fields.read(has(Self::BOOST), "boost_pages", self.boost_pages);
        fields.show("reserve", list(&self.reserve, self.classes.into()));
        fields.read(
            has(Self::RESERVED_HIGHATOMIC),
            "reserved_highatomic_pages",
            self.reserved_highatomic_pages,
        );
        fields.read(has(Self::FREE_HIGHATOMIC), "free_highatomic_pages", self.free_highatomic_pages);
        fields.read(has(Self::PERCPU), "percpu_pages", self.percpu_pages);
        fields.show("free_blocks", list(&self.free_blocks, self.orders.into()));
        fields.show("free_types", list(&self.free_types, self.orders.into()));
        fields.show("vm_stat", list(&self.vm_stat, self.counters.into()));
    }
}

impl Print for Node {
    fn print(&self, fields: &mut Fields) {
        fields.show("node", self.node);
        fields.hex("flags", self.flags);
        let count = usize::try_from(self.counters).unwrap_or(usize::MAX);
        fields.show("vm_stat", list(&self.vm_stat, count));
    }
}

impl Print for Stack {
    fn print(&self, fields: &mut Fields) {
        fields.show("pid", self.pid);
        fields.show("tid", self.tid);
        fields.show("kernel_bytes", self.kernel_bytes);
        fields.show("user_bytes", self.user_bytes);
        let count = |bytes: i32, each: usize| usize::try_from(bytes).unwrap_or(0) / each;
        let kernel: Vec<String> = self.kernel.iter().map(|address| format!("{address:#x}")).collect();
        fields.show("kernel", list(&kernel, count(self.kernel_bytes, size_of::<u64>())));
        let user: Vec<String> = self.user.iter().map(user_call).collect();
        fields.show("user", list(&user, count(self.user_bytes, size_of::<UserCall>())));
    }
}

fn user_call(call: &UserCall) -> String {
    match call.status {
        UserCall::VALID => format!("{}+{:#x}", hex(&call.build_id), call.place),
        _ => format!("{:#x}", call.place),
    }
}
