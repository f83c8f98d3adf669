//! Builds the Debian package and the rpm from the program and `contrib/`, as `oomtrace/Cargo.toml` describes them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{Release, moment};
use crate::host::{
    platform::Platform,
    run::{output, say},
    setup::CargoTool,
};

const CARGO_DEB: CargoTool = CargoTool {
    name: "cargo-deb",
    version: "3.8.0",
    options: &["--no-default-features", "--features", "lzma"],
};
const CARGO_GENERATE_RPM: CargoTool =
    CargoTool { name: "cargo-generate-rpm", version: "0.21.1", options: &[] };

/// Writes both packages to a directory. The program must have been built.
pub(super) fn write(release: &Release, platform: Platform, out: &Path) -> Result<()> {
    say(&format!("packaging oomtrace {} for {}", release.version, platform.triple));
    let mut deb = tool(release, CARGO_DEB.ensure()?);
    deb.args(["--quiet", "--no-build", "--no-strip", "--package", "oomtrace", "--target", platform.triple]);
    output(deb.env("CARGO_TARGET_DIR", &release.target).arg("--output").arg(out))?;
    let mut rpm = tool(release, CARGO_GENERATE_RPM.ensure()?);
    rpm.args(["--package", "oomtrace", "--target", platform.triple]);
    output(rpm.arg("--target-dir").arg(&release.target).arg("--output").arg(out))?;
    Ok(())
}

fn tool(release: &Release, program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.current_dir(&release.root).env(moment::VARIABLE, release.moment.to_string());
    command
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use serde_json::Value;

    use super::*;
    use crate::host::workspace;

    /// `package.metadata` of the program's crate.
    fn metadata() -> Value {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(workspace::root()).args([
            "metadata",
            "--no-deps",
            "--locked",
            "--format-version=1",
        ]);
        let all: Value = serde_json::from_str(&output(&mut cargo).unwrap()).unwrap();
        let packages = all["packages"].as_array().unwrap();
        packages.iter().find(|package| package["name"] == "oomtrace").unwrap()["metadata"].clone()
    }

    /// Checks that a pattern matches at least one file. Files that are built later are exempt.
    fn assert_exists(directory: &Path, source: &str) {
        let path = directory.join(source);
        if let Some((before, after)) = source.split_once('*') {
            let entries =
                fs::read_dir(directory.join(before)).unwrap().map(|entry| entry.unwrap().file_name());
            assert!(entries.into_iter().any(|name| name.to_string_lossy().ends_with(after)), "{source}");
        } else if !source.starts_with("target/") {
            assert!(path.is_file(), "{source} is in no package: it does not exist");
        }
    }

    #[test]
    fn each_file_of_the_debian_package_exists() {
        let deb = metadata()["deb"].clone();
        for asset in deb["assets"].as_array().unwrap() {
            assert_exists(&workspace::root().join("oomtrace"), asset[0].as_str().unwrap());
        }
        let scripts = deb["maintainer-scripts"].as_str().unwrap();
        assert_exists(&workspace::root().join("oomtrace").join(scripts), "postrm");
        for unit in ["enable", "start"] {
            assert_eq!(deb["systemd-units"][unit], false, "installing must not {unit} the service");
        }
    }

    #[test]
    fn each_file_of_the_rpm_exists() {
        let rpm = metadata()["generate-rpm"].clone();
        for asset in rpm["assets"].as_array().unwrap() {
            assert_exists(&workspace::root(), asset["source"].as_str().unwrap());
        }
        for script in ["post_install_script", "pre_uninstall_script", "post_uninstall_script"] {
            assert_exists(&workspace::root(), rpm[script].as_str().unwrap());
        }
    }
}
