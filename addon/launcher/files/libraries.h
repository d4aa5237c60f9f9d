// Lets programs in the image find libraries of the host, without ldconfig(8) and its cache: images may have neither.
#pragma once
#include <string>
#include <vector>

#include "launcher/files/image_changes.h"

namespace chrun {

/// Lets the loaders in the image find the libraries `names` of guest directory `folder`: makes links to them
/// in a directory that each loader searches anyway. Throws Error or SysError.
void show_libraries(const ChangedImage& image, const std::string& folder, const std::vector<std::string>& names);

/// Lets programs use the CUDA libraries in guest directory `directory` instead of the driver's, if there are such and
/// they are for a driver with a higher major version than `driver` ("550.54.14"). Throws Error or SysError.
void prefer_newer_cuda(const ChangedImage& image, const std::string& directory, const std::string& driver);

}  // namespace chrun
