# One module of the extension: its main file, named like the folder, and the resources that are listed. The panel
# and everything else is in the package that VirtualBiopsyCore installs.
#
#   virtualbiopsy_add_module(<name> <resource>...)
macro(virtualbiopsy_add_module NAME)
  slicerMacroBuildScriptedModule(
    NAME ${NAME}
    SCRIPTS ${NAME}.py
    RESOURCES ${ARGN}
    WITH_GENERIC_TESTS
    )
  if(BUILD_TESTING)
    slicer_add_python_unittest(SCRIPT ${NAME}.py)
  endif()
endmacro()
