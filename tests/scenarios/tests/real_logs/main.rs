//! The witness and the comparison, on what real kernels logged.

#[cfg(test)]
mod ballot;
#[cfg(test)]
mod bite;
#[cfg(test)]
mod bite_process;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod panic;
#[cfg(test)]
mod witness;
