//! Names of calls in a stack, as the kernel prints them in a call trace.

use std::os::fd::OwnedFd;

use super::{bpf, program};

/// A kernel function and a place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The function.
    pub name: String,
    /// Bytes from its start to the return address.
    pub offset: u64,
    /// Bytes up to the next symbol.
    pub size: Option<u64>,
    /// The module that it is in; `None` for the kernel itself.
    pub module: Option<String>,
}

/// A program that makes the kernel name calls.
#[derive(Debug)]
pub struct Naming {
    program: OwnedFd,
    /// The map with the format that the program uses.
    _format: OwnedFd,
}

impl Naming {
    /// Loads the program; `None` if the kernel does not allow it, or is older than 5.14.
    #[must_use]
    pub fn new() -> Option<Self> {
        let format = bpf::constant(program::CALL).ok()?;
        let program = bpf::load(&program::naming(&format)?).ok()?;
        Some(Self { program, _format: format })
    }

    /// The call that returns to this address; `None` if there is no symbol.
    #[must_use]
    pub fn name(&self, address: u64) -> Option<Call> {
        let mut context = [0; 1 + program::TEXT_WORDS];
        let [first, ..] = &mut context;
        *first = address;
        let length = usize::try_from(bpf::run(&self.program, &mut context).ok()?).ok()?;
        let text: Vec<u8> = context.iter().skip(1).flat_map(|word| word.to_ne_bytes()).collect();
        // A longer text was cut off.
        Call::parse(std::str::from_utf8(text.get(..length.checked_sub(1)?)?).ok()?)
    }
}

impl Call {
    /// Parses `name+0xOFFSET/0xSIZE [module]`. An address without a symbol is only a number.
    fn parse(text: &str) -> Option<Self> {
        let (place, module) = match text.split_once(" [") {
            Some((place, module)) => (place, Some(module.strip_suffix(']')?.to_owned())),
            None => (text, None),
        };
        let (name, place) = place.rsplit_once("+0x")?;
        let (offset, size) = place.split_once("/0x")?;
        let hex = |digits| u64::from_str_radix(digits, 16).ok();
        Some(Self { name: name.to_owned(), offset: hex(offset)?, size: hex(size), module })
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, Naming};
    use crate::kernel::kallsyms;

    #[test]
    fn parses_the_kernels_spelling() {
        let call = |name: &str, module: Option<&str>| Call {
            name: name.to_owned(),
            offset: 0xfe2,
            size: Some(0x1470),
            module: module.map(str::to_owned),
        };
        assert_eq!(
            Call::parse("ext4_alloc.constprop.0+0xfe2/0x1470 [ext4]"),
            Some(call("ext4_alloc.constprop.0", Some("ext4")))
        );
        assert_eq!(Call::parse("do_fault+0xfe2/0x1470"), Some(call("do_fault", None)));
        assert_eq!(Call::parse("0xffffffffc0123456"), None);
        assert_eq!(Call::parse(""), None);
    }

    #[test]
    fn kernel_names_a_known_address() {
        // If unprivileged, before 5.14 or with hidden addresses, there is nothing to compare.
        let (Some(naming), Some(address)) = (Naming::new(), kallsyms::address("out_of_memory")) else {
            return;
        };
        let call = naming.name(address + 5).unwrap();
        assert_eq!((call.name.as_str(), call.offset, call.module), ("out_of_memory", 5, None));
        assert_eq!(naming.name(5), None);
    }
}
