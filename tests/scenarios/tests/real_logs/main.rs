//! Tests of the witness and the comparison on logs of real kernels.

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
