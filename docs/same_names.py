"""An extension of griffe: a package's function hides the module of the same name."""

import griffe


class SameNames(griffe.Extension):
    """Restores public names that the modules of the same name have replaced."""

    def on_package(self, *, pkg, **_):
        packages = [pkg]
        while packages:
            package = packages.pop()
            packages.extend(x for x in package.modules.values() if x.is_init_module)
            for name in package.exports or ():
                member = package.members.get(str(name))
                if member and member.is_module and name in member.members:
                    package.members[name] = member.members[name]
