// See transaction.h. Which call of the two table edits each request is.
#include "control/transaction.h"

#include "route/route_edit.h"
#include "sa/sa_edit.h"

namespace spigrp {
namespace {

class Applier {
 public:
  explicit Applier(const EditedTables& tables)
      : sas_(tables.sas, tables.versions), routes_(tables.routes, tables.versions) {}

  Expected<void> operator()(const SaAdd& edit) { return sas_.add_sa(edit.spec); }
  Expected<void> operator()(const SaDelete& edit) { return sas_.delete_sa(edit.id); }
  Expected<void> operator()(const SaClear& /*edit*/) {
    sas_.clear_sas();
    return {};
  }
  Expected<void> operator()(const GroupSet& edit) { return sas_.group(edit.members); }
  Expected<void> operator()(const GroupReplace& edit) { return sas_.replace_group(edit.members); }
  Expected<void> operator()(const GroupDissolve& edit) { return sas_.ungroup(edit.member); }

  Expected<void> operator()(const ErouteSet& edit) {
    const ErouteMode mode = edit.existing == ExistingEntry::kRefuse ? ErouteMode::kAdd : ErouteMode::kReplace;
    return sas_.set_eroute(edit.selector, edit.target, mode);
  }
  Expected<void> operator()(const ErouteDelete& edit) { return sas_.delete_eroute(edit.selector); }
  Expected<void> operator()(const ErouteClear& /*edit*/) {
    sas_.clear_eroutes();
    return {};
  }

  Expected<void> operator()(const InterfaceCreate& edit) { return routes_.create_interface(edit.name); }
  Expected<void> operator()(const InterfaceDelete& edit) { return routes_.delete_interface(edit.name); }
  Expected<void> operator()(const InterfaceAttach& edit) { return routes_.attach_interface(edit.name, edit.port); }
  Expected<void> operator()(const InterfaceDetach& edit) { return routes_.detach_interface(edit.name); }
  Expected<void> operator()(const InterfaceClear& /*edit*/) {
    routes_.clear_interfaces();
    return {};
  }

  Expected<void> operator()(const AddressAdd& edit) { return routes_.add_address(edit.spec); }
  Expected<void> operator()(const AddressDelete& edit) { return routes_.delete_address(edit.spec); }
  Expected<void> operator()(const RouteAdd& edit) {
    return edit.existing == ExistingEntry::kRefuse ? routes_.add_route(edit.spec) : routes_.replace_route(edit.spec);
  }
  Expected<void> operator()(const RouteDelete& edit) { return routes_.delete_route(edit.destination); }
  Expected<void> operator()(const NeighbourSet& edit) { return routes_.set_neighbour(edit.spec); }
  Expected<void> operator()(const NeighbourDelete& edit) { return routes_.delete_neighbour(edit.address, edit.device); }

  void link() {
    sas_.link();
    routes_.link();
  }

 private:
  SaEdit sas_;
  RouteEdit routes_;
};

// The generation that is being prepared: published, or else, where an edit is refused or memory runs out, discarded.
class Preparation {
 public:
  explicit Preparation(Versions& versions) : versions_(versions) {}
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  ~Preparation() {
    if (!published_) versions_.discard();
  }

  // From the first link on there is no way back, so that nothing here may fail.
  void publish(Applier& applier) noexcept {
    applier.link();
    versions_.publish();
    published_ = true;
  }

 private:
  Versions& versions_;
  bool published_ = false;
};

}  // namespace

tl::expected<Generation, RefusedEdit> apply(std::span<const NumberedEdit> edits, const EditedTables& tables) {
  Preparation preparation(tables.versions);
  Applier applier(tables);
  for (const NumberedEdit& numbered : edits) {
    if (const auto applied = std::visit(applier, numbered.edit); !applied) {
      return tl::unexpected(RefusedEdit{applied.error(), numbered.line});
    }
  }
  preparation.publish(applier);
  return tables.versions.published();
}

}  // namespace spigrp
