//! A configuration file that is changed, and the directory with the components beside it.

use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{NotDone, USAGE};
use crate::component_file::{self, Contents, Links};
use crate::digest::Digest;

/// Largest configuration that is changed, in bytes.
const LARGEST: usize = 1 << 20;

/// A configuration file, as it was read.
pub(super) struct Place {
    /// The file itself, whatever links lead to it: replacing a link would leave the file as it was.
    path: PathBuf,
    text: String,
    metadata: Metadata,
}

impl Place {
    /// Reads a configuration file.
    pub(super) fn of(path: &Path) -> Result<Self, NotDone> {
        let shown = path.display();
        let cannot = |why: String| {
            (USAGE, format!("{shown}: cannot be read: {why}; name the configuration file with -c FILE"))
        };
        let read = || -> io::Result<(PathBuf, Vec<u8>, Metadata)> {
            let path = path.canonicalize()?;
            let bytes = component_file::read_bytes(&path, Links::Refused, LARGEST)?;
            let metadata = std::fs::metadata(&path)?;
            Ok((path, bytes, metadata))
        };
        let (path, bytes, metadata) = read().map_err(|error| cannot(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| cannot("it is not in UTF-8".to_owned()))?;
        Ok(Self { path, text, metadata })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Returns the name that a component has beside the configuration. One that is there already under the
    /// plain name is not replaced: the configuration names it until it names the new one.
    pub(super) fn component(&self, name: &str, digest: Digest, source: &Path) -> String {
        let plain = format!("{name}.wasm");
        let there = self.directory().join(&plain);
        let is_source =
            there.canonicalize().is_ok_and(|there| source.canonicalize().is_ok_and(|it| it == there));
        let is_same = || {
            let bytes = component_file::read_component(&there, Links::Followed);
            bytes.is_ok_and(|bytes| Digest::of(&bytes) == digest)
        };
        if !there.exists() || is_source || is_same() {
            plain
        } else {
            format!("{name}-{}.wasm", digest.to_string().get(..12).unwrap_or_default())
        }
    }

    /// Keeps a component, and its signature before it, beside the configuration.
    pub(super) fn keep(&self, name: &str, contents: &Contents) -> Result<(), NotDone> {
        let path = self.directory().join(name);
        let is_there = component_file::read_component(&path, Links::Followed)
            .is_ok_and(|bytes| bytes == contents.component);
        let signature =
            contents.signature.as_ref().map(|text| (component_file::signature_beside(&path), text));
        let keep = || -> io::Result<()> {
            if let Some((path, text)) = signature {
                written(&path, text.as_bytes(), None)?;
            }
            if is_there { Ok(()) } else { written(&path, &contents.component, None) }
        };
        keep().map_err(|error| {
            (1, format!("nothing was installed: {} cannot be written: {error}", path.display()))
        })
    }

    /// Replaces the configuration by another text, in one step, unless somebody else has changed it meanwhile.
    pub(super) fn replace(&mut self, text: &str) -> Result<(), NotDone> {
        let shown = self.path.display().to_string();
        let now = Self::of(&self.path)?;
        if now.text != self.text {
            return Err((1, format!("{shown} was changed meanwhile and is left as it is; try again")));
        }
        written(&self.path, text.as_bytes(), Some(&self.metadata))
            .map_err(|error| (1, format!("{shown} is left as it is: it cannot be written: {error}")))?;
        text.clone_into(&mut self.text);
        Ok(())
    }
}

/// Writes a file beside its final name and moves it there, with the mode and owner of the one that it
/// replaces: a configuration may hold secrets, and the host reads it as another user than who installs.
fn written(path: &Path, bytes: &[u8], like: Option<&Metadata>) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let write = || -> io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, if like.is_some() { 0o600 } else { 0o644 });
        let mut file = options.open(&beside)?;
        file.write_all(bytes)?;
        if let Some(like) = like {
            same_owner(&beside, &file, like)?;
        }
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().inspect_err(|_| drop(std::fs::remove_file(&beside)))?;
    // A name that is not on the disk yet is no reason to say that nothing was done.
    let _not_everywhere = File::open(path.parent().unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
    Ok(())
}

#[cfg(unix)]
fn same_owner(path: &Path, file: &File, like: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (like.uid(), like.gid()) {
        std::os::unix::fs::chown(path, Some(like.uid()), Some(like.gid()))?;
    }
    // After the owner: a change of that takes bits away.
    file.set_permissions(like.permissions())
}

#[cfg(not(unix))]
fn same_owner(_path: &Path, file: &File, like: &Metadata) -> io::Result<()> {
    file.set_permissions(like.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("car.toml"), "[mqtt]\n").unwrap();
        let place = Place::of(&dir.path().join("car.toml")).unwrap();
        (dir, place)
    }

    fn contents(component: &[u8], signature: Option<&str>) -> Contents {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wasm");
        std::fs::write(&path, component).unwrap();
        let Contents { identity, .. } = component_file::read(&path, Links::Followed).unwrap();
        Contents { identity, component: component.to_vec(), signature: signature.map(str::to_owned) }
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_configuration_keeps_its_mode_and_is_whole() {
        use std::os::unix::fs::PermissionsExt;
        let (dir, mut place) = home();
        let path = dir.path().join("car.toml");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        place = Place::of(place.path()).unwrap();
        place.replace("[mqtt]\nurl = 'x'\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[mqtt]\nurl = 'x'\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_configuration_stays_a_link() {
        let (dir, place) = home();
        let link = dir.path().join("link.toml");
        std::os::unix::fs::symlink(place.path(), &link).unwrap();
        Place::of(&link).unwrap().replace("new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(place.path()).unwrap(), "new");
    }

    #[test]
    fn what_somebody_else_has_changed_is_left_as_it_is() {
        let (_dir, mut place) = home();
        std::fs::write(place.path(), "[mqtt] # mine\n").unwrap();
        let (code, why) = place.replace("new").unwrap_err();
        assert!(code == 1 && why.ends_with("was changed meanwhile and is left as it is; try again"), "{why}");
        assert_eq!(std::fs::read_to_string(place.path()).unwrap(), "[mqtt] # mine\n");
    }

    #[test]
    fn the_component_that_is_named_is_not_replaced() {
        let (dir, place) = home();
        let elsewhere = Path::new("/elsewhere/acme.wasm");
        let (old, new) = (contents(b"old", Some("signed")), contents(b"new", None));
        let digest = Digest::of(b"new");
        assert_eq!(place.component("acme", Digest::of(b"old"), elsewhere), "acme.wasm");
        place.keep("acme.wasm", &old).unwrap();
        assert_eq!(place.component("acme", Digest::of(b"old"), elsewhere), "acme.wasm");
        let named = place.component("acme", digest, elsewhere);
        assert_eq!(named, format!("acme-{}.wasm", &digest.to_string()[..12]));
        place.keep(&named, &new).unwrap();
        assert_eq!(std::fs::read(dir.path().join("acme.wasm")).unwrap(), b"old");
        assert_eq!(std::fs::read(dir.path().join(named)).unwrap(), b"new");
        assert_eq!(std::fs::read(dir.path().join("acme.wasm.minisig")).unwrap(), b"signed");
    }
}
