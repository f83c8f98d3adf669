mod cgroup;
mod example;
mod holder;
mod hostile;
mod machine;
mod reasons;
