//! The witness and the comparison, on what real kernels logged.

#[cfg(test)]
mod ballot;
#[cfg(test)]
mod bite;
#[cfg(test)]
mod bite_process;
#[cfg(test)]
mod domain;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod mem_info;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod namespace;
#[cfg(test)]
mod no_kill;
#[cfg(test)]
mod panic;
#[cfg(test)]
mod witness;
