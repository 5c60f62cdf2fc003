"""Every feature as one line of a table: name, IBSI code, pyradiomics name, unit or role, description.

Source: Zwanenburg et al., The image biomarker standardisation initiative, reference manual (arXiv:1612.07003)
and Radiology 2020;295:328; codes are those of its section 3. Names of pyradiomics: version 3.0.1.

name | IBSI code | pyradiomics name | unit | description; an indented line continues the one before. For the
size matrices (GLRLM, GLSZM, GLDZM, NGLDM) the role in sizes.FEATURES stands where the unit is.
"""

MORPHOLOGY = """
volume | RNU0 | MeshVolume | mm³ | Volume enclosed by the triangulated surface of the region.
approximate_volume | YEKZ | VoxelVolume | mm³ | Number of voxels times the volume of one voxel.
surface_area | C0JK | SurfaceArea | mm² | Area of the triangulated surface of the region.
surface_to_volume_ratio | 2PR5 | SurfaceVolumeRatio | 1/mm | Surface area divided by volume.
compactness_1 | SKGS | Compactness1 | | How compact the region is: volume / (√π · area^1.5); 0.053 for a
    ball.
compactness_2 | BQWJ | Compactness2 | | How compact the region is: 36π · volume² / area³; 1 for a ball.
spherical_disproportion | KRCK | SphericalDisproportion | | Surface area divided by that of a ball of the
    same volume; 1 for a ball.
sphericity | QCFX | Sphericity | | Surface area of a ball of the same volume divided by the surface area; 1
    for a ball.
asphericity | 25C7 | | | Spherical disproportion minus 1; 0 for a ball.
centre_of_mass_shift | KLMA | | mm | Distance between the centre of the region and the centre weighted by
    intensity.
maximum_3d_diameter | L0JK | Maximum3DDiameter | mm | Largest distance between two points of the surface.
maximum_2d_diameter_slice | | Maximum2DDiameterSlice | mm | Largest distance between two points of the
    surface in the same slice.
maximum_2d_diameter_column | | Maximum2DDiameterColumn | mm | Largest distance between two points of the
    surface in the same plane across rows (j fixed).
maximum_2d_diameter_row | | Maximum2DDiameterRow | mm | Largest distance between two points of the surface
    in the same plane across columns (i fixed).
major_axis_length | TDIC | MajorAxisLength | mm | Length of the longest axis of the ellipsoid with the same
    spread.
minor_axis_length | P9VJ | MinorAxisLength | mm | Length of the middle axis of the ellipsoid with the same
    spread.
least_axis_length | 7J51 | LeastAxisLength | mm | Length of the shortest axis of the ellipsoid with the same
    spread.
elongation | Q3CK | Elongation | | Middle axis divided by the longest; 1 is round, small is elongated.
flatness | N17B | Flatness | | Shortest axis divided by the longest; 1 is round, small is flat.
volume_density_aabb | PBX1 | | | Volume divided by that of the box around the region along the image axes.
area_density_aabb | R59B | | | Surface area divided by that of the box around the region along the image
    axes.
volume_density_ombb | ZH1A | | | Volume divided by that of the smallest box around the region, however
    turned.
area_density_ombb | IQYR | | | Surface area divided by that of the smallest box around the region, however
    turned.
volume_density_aee | 6BDE | | | Volume divided by that of the ellipsoid of the three axes.
area_density_aee | RDD2 | | | Surface area divided by that of the ellipsoid of the three axes.
volume_density_mvee | SWZ1 | | | Volume divided by that of the smallest ellipsoid around the region.
area_density_mvee | BRI8 | | | Surface area divided by that of the smallest ellipsoid around the region.
volume_density_convex_hull | R3ER | | | Volume divided by that of the convex hull; 1 is convex.
area_density_convex_hull | 7T7F | | | Surface area divided by that of the convex hull; 1 is convex.
integrated_intensity | 99N0 | | image units · mm³ | Mean intensity times volume.
morans_i | N365 | | | Spatial autocorrelation (Moran's I): positive when near voxels are alike, weighted by
    1 / distance.
gearys_c | NPT7 | | | Spatial autocorrelation (Geary's C): below 1 when near voxels are alike, weighted by 1
    / distance.
"""

LOCAL_INTENSITY = """
local_intensity_peak | VJGA | | image units | Mean over a ball of 1 cm³ around the brightest voxel.
global_intensity_peak | 0F91 | | image units | Highest mean over a ball of 1 cm³ around any voxel.
"""

STATISTICS = """
mean | Q4LE | Mean | image units | Mean of the intensities.
variance | ECT3 | Variance | image units² | Mean squared deviation from the mean.
skewness | KE2A | Skewness | | Asymmetry of the intensities: positive with a tail to the right.
kurtosis | IPH6 | Kurtosis | | Weight of the tails; 0 for a normal distribution (IBSI), 3 in pyradiomics.
median | Y12H | Median | image units | Middle of the sorted intensities.
minimum | 1GSF | Minimum | image units | Lowest intensity.
percentile_10 | QG58 | 10Percentile | image units | Intensity that 10 % of the voxels do not exceed.
percentile_90 | 8DWT | 90Percentile | image units | Intensity that 90 % of the voxels do not exceed.
maximum | 84IY | Maximum | image units | Highest intensity.
interquartile_range | SALO | InterquartileRange | image units | 75th minus 25th percentile.
range | 2OJQ | Range | image units | Highest minus lowest intensity.
mean_absolute_deviation | 4FUA | MeanAbsoluteDeviation | image units | Mean distance from the mean.
robust_mean_absolute_deviation | 1128 | RobustMeanAbsoluteDeviation | image units | Mean distance from the
    mean of the voxels between the 10th and the 90th percentile.
median_absolute_deviation | N72L | | image units | Mean distance from the median.
coefficient_of_variation | 7TET | | | Standard deviation divided by the mean.
quartile_coefficient_of_dispersion | 9S40 | | | Interquartile range divided by the sum of the two quartiles.
energy | N8CA | Energy | image units² | Sum of the squared intensities.
total_energy | | TotalEnergy | image units² · mm³ | Sum of the squared intensities times the volume of a
    voxel.
root_mean_square | 5ZWQ | RootMeanSquared | image units | Square root of the mean squared intensity.
"""

HISTOGRAM = """
mean | X6K6 | | grey levels | Mean grey level.
variance | CH89 | | grey levels² | Mean squared deviation from the mean grey level.
skewness | 88K1 | | | Asymmetry of the histogram: positive with a tail to the right.
kurtosis | C3I7 | | | Weight of the tails of the histogram; 0 for a normal distribution.
median | WIFQ | | grey levels | Middle of the sorted grey levels.
minimum | 1PR8 | | grey levels | Lowest grey level.
percentile_10 | GPMT | | grey levels | Grey level that 10 % of the voxels do not exceed.
percentile_90 | OZ0C | | grey levels | Grey level that 90 % of the voxels do not exceed.
maximum | 3NCY | | grey levels | Highest grey level.
mode | AMMC | | grey levels | Most frequent grey level; of several, the one closest to the mean.
interquartile_range | WR0O | | grey levels | 75th minus 25th percentile of the grey levels.
range | 5Z3W | | grey levels | Highest minus lowest grey level.
mean_absolute_deviation | D2ZX | | grey levels | Mean distance from the mean grey level.
robust_mean_absolute_deviation | WRZB | | grey levels | Mean distance from the mean of the voxels between
    the 10th and the 90th percentile.
median_absolute_deviation | 4RNL | | grey levels | Mean distance from the median grey level.
coefficient_of_variation | CWYJ | | | Standard deviation of the grey levels divided by their mean.
quartile_coefficient_of_dispersion | SLWD | | | Interquartile range divided by the sum of the two quartiles.
entropy | TLU2 | firstorder_Entropy | bits | Disorder of the histogram: 0 if all voxels share one grey
    level.
uniformity | BJ5W | firstorder_Uniformity | | Sum of squared shares of the grey levels: 1 if all voxels
    share one.
maximum_gradient | 12CE | | voxels | Steepest rise of the histogram.
maximum_gradient_level | 8E6O | | grey levels | Grey level of the steepest rise of the histogram.
minimum_gradient | VQB3 | | voxels | Steepest fall of the histogram.
minimum_gradient_level | RHQZ | | grey levels | Grey level of the steepest fall of the histogram.
"""

IVH = """
volume_at_intensity_fraction_10 | NK6P | | | Share of the voxels above 10 % of the intensity range.
volume_at_intensity_fraction_90 | 4279 | | | Share of the voxels above 90 % of the intensity range.
intensity_at_volume_fraction_10 | PWN1 | | image units | Lowest intensity that at most 10 % of the voxels
    reach.
intensity_at_volume_fraction_90 | BOHI | | image units | Lowest intensity that at most 90 % of the voxels
    reach.
volume_fraction_difference_between_intensity_fractions | WITY | | | Volume at intensity fraction 10 % minus
    that at 90 %.
intensity_difference_between_volume_fractions | JXJA | | image units | Intensity at volume fraction 10 %
    minus that at 90 %.
area_under_curve | 9CMM | | | Area under the curve of volume share over intensity share: near 1 when most
    voxels are bright.
"""

GLCM = """
joint_maximum | GYBY | MaximumProbability | | Share of the most frequent pair of neighbouring grey levels.
joint_average | 60VM | JointAverage | grey levels | Mean grey level over the pairs of neighbours.
joint_variance | UR99 | SumSquares | grey levels² | Variance of the grey level over the pairs of neighbours.
joint_entropy | TU9B | JointEntropy | bits | Disorder of the pairs of neighbouring grey levels.
difference_average | TF7R | DifferenceAverage | grey levels | Mean difference between neighbours.
difference_variance | D3YU | DifferenceVariance | grey levels² | Variance of the difference between
    neighbours.
difference_entropy | NTRS | DifferenceEntropy | bits | Disorder of the difference between neighbours.
sum_average | ZGXS | SumAverage | grey levels | Mean sum of neighbouring grey levels.
sum_variance | OEEB | | grey levels² | Variance of the sum of neighbouring grey levels.
sum_entropy | P6QZ | SumEntropy | bits | Disorder of the sum of neighbouring grey levels.
angular_second_moment | 8ZQL | JointEnergy | | Sum of squared shares of the pairs: high when few pairs
    dominate.
contrast | ACUI | Contrast | grey levels² | Mean squared difference between neighbours.
dissimilarity | 8S9J | | grey levels | Mean difference between neighbours (the same as difference average).
inverse_difference | IB1Z | Id | | Likeness of neighbours: mean of 1 / (1 + difference).
normalised_inverse_difference | NDRX | Idn | | Likeness of neighbours: mean of 1 / (1 + difference / number
    of grey levels).
inverse_difference_moment | WF0Z | Idm | | Likeness of neighbours: mean of 1 / (1 + difference²).
normalised_inverse_difference_moment | 1QCO | Idmn | | Likeness of neighbours: mean of 1 / (1 + difference²
    / number of grey levels²).
inverse_variance | E8JP | InverseVariance | | Mean of 1 / difference² over the pairs that differ, counted in
    all pairs.
correlation | NI2N | Correlation | | Linear correlation of neighbouring grey levels, -1 to 1; 1 if there is
    one level only.
autocorrelation | QWB0 | Autocorrelation | grey levels² | Mean product of neighbouring grey levels.
cluster_tendency | DG8W | ClusterTendency | grey levels² | Variance of the sum of neighbouring grey levels.
cluster_shade | 7NFM | ClusterShade | grey levels³ | Asymmetry of the sum of neighbouring grey levels.
cluster_prominence | AE86 | ClusterProminence | grey levels⁴ | Tails of the sum of neighbouring grey levels.
information_correlation_1 | R8DG | Imc1 | | Dependence of neighbouring grey levels, from entropies; 0 is
    independent, -1 fully dependent.
information_correlation_2 | JN9H | Imc2 | | Dependence of neighbouring grey levels, from entropies; 0 is
    independent.
maximal_correlation_coefficient | | MCC | | Largest correlation between any two functions of neighbouring
    grey levels.
"""

GLRLM = """
short_runs_emphasis | 22OV | ShortRunEmphasis | small | Mean of 1 / length²: high when runs are short.
long_runs_emphasis | W4KF | LongRunEmphasis | large | Mean of length²: high when runs are long.
low_grey_level_run_emphasis | V3SW | LowGrayLevelRunEmphasis | low_grey | Mean of 1 / grey level²: high when
    runs are dark.
high_grey_level_run_emphasis | G3QZ | HighGrayLevelRunEmphasis | high_grey | Mean of grey level²: high when
    runs are bright.
short_run_low_grey_level_emphasis | HTZT | ShortRunLowGrayLevelEmphasis | small_low_grey | High when runs
    are short and dark.
short_run_high_grey_level_emphasis | GD3A | ShortRunHighGrayLevelEmphasis | small_high_grey | High when runs
    are short and bright.
long_run_low_grey_level_emphasis | IVPO | LongRunLowGrayLevelEmphasis | large_low_grey | High when runs are
    long and dark.
long_run_high_grey_level_emphasis | 3KUM | LongRunHighGrayLevelEmphasis | large_high_grey | High when runs
    are long and bright.
grey_level_non_uniformity | R5YN | GrayLevelNonUniformity | grey_non_uniformity | Low when runs are spread
    evenly over the grey levels; grows with the region.
normalised_grey_level_non_uniformity | OVBL | GrayLevelNonUniformityNormalized |
    grey_non_uniformity_normalised | Low when runs are spread evenly over the grey levels.
run_length_non_uniformity | W92Y | RunLengthNonUniformity | size_non_uniformity | Low when runs are spread
    evenly over the lengths; grows with the region.
normalised_run_length_non_uniformity | IC23 | RunLengthNonUniformityNormalized |
    size_non_uniformity_normalised | Low when runs are spread evenly over the lengths.
run_percentage | 9ZK5 | RunPercentage | percentage | Number of runs divided by the number of voxels; 1 if
    every voxel is a run of its own.
grey_level_variance | 8CE5 | GrayLevelVariance | grey_variance | Variance of the grey levels of the runs.
run_length_variance | SXLW | RunVariance | size_variance | Variance of the lengths of the runs.
run_entropy | HJ9O | RunEntropy | entropy | Disorder of grey levels and lengths of the runs.
"""

GLSZM = """
small_zone_emphasis | 5QRC | SmallAreaEmphasis | small | Mean of 1 / size²: high when zones are small.
large_zone_emphasis | 48P8 | LargeAreaEmphasis | large | Mean of size²: high when zones are large.
low_grey_level_zone_emphasis | XMSY | LowGrayLevelZoneEmphasis | low_grey | Mean of 1 / grey level²: high
    when zones are dark.
high_grey_level_zone_emphasis | 5GN9 | HighGrayLevelZoneEmphasis | high_grey | Mean of grey level²: high
    when zones are bright.
small_zone_low_grey_level_emphasis | 5RAI | SmallAreaLowGrayLevelEmphasis | small_low_grey | High when zones
    are small and dark.
small_zone_high_grey_level_emphasis | HW1V | SmallAreaHighGrayLevelEmphasis | small_high_grey | High when
    zones are small and bright.
large_zone_low_grey_level_emphasis | YH51 | LargeAreaLowGrayLevelEmphasis | large_low_grey | High when zones
    are large and dark.
large_zone_high_grey_level_emphasis | J17V | LargeAreaHighGrayLevelEmphasis | large_high_grey | High when
    zones are large and bright.
grey_level_non_uniformity | JNSA | GrayLevelNonUniformity | grey_non_uniformity | Low when zones are spread
    evenly over the grey levels; grows with the region.
normalised_grey_level_non_uniformity | Y1RO | GrayLevelNonUniformityNormalized |
    grey_non_uniformity_normalised | Low when zones are spread evenly over the grey levels.
zone_size_non_uniformity | 4JP3 | SizeZoneNonUniformity | size_non_uniformity | Low when zones are spread
    evenly over the sizes; grows with the region.
normalised_zone_size_non_uniformity | VB3A | SizeZoneNonUniformityNormalized |
    size_non_uniformity_normalised | Low when zones are spread evenly over the sizes.
zone_percentage | P30P | ZonePercentage | percentage | Number of zones divided by the number of voxels; 1 if
    every voxel is a zone of its own.
grey_level_variance | BYLV | GrayLevelVariance | grey_variance | Variance of the grey levels of the zones.
zone_size_variance | 3NSA | ZoneVariance | size_variance | Variance of the sizes of the zones.
zone_size_entropy | GU8N | ZoneEntropy | entropy | Disorder of grey levels and sizes of the zones.
"""

GLDZM = """
small_distance_emphasis | 0GBI | | small | Mean of 1 / distance²: high when zones lie near the border.
large_distance_emphasis | MB4I | | large | Mean of distance²: high when zones lie deep in the region.
low_grey_level_zone_emphasis | S1RA | | low_grey | Mean of 1 / grey level²: high when zones are dark.
high_grey_level_zone_emphasis | K26C | | high_grey | Mean of grey level²: high when zones are bright.
small_distance_low_grey_level_emphasis | RUVG | | small_low_grey | High when zones are dark and near the
    border.
small_distance_high_grey_level_emphasis | DKNJ | | small_high_grey | High when zones are bright and near the
    border.
large_distance_low_grey_level_emphasis | A7WM | | large_low_grey | High when zones are dark and deep.
large_distance_high_grey_level_emphasis | KLTH | | large_high_grey | High when zones are bright and deep.
grey_level_non_uniformity | VFT7 | | grey_non_uniformity | Low when zones are spread evenly over the grey
    levels; grows with the region.
normalised_grey_level_non_uniformity | 7HP3 | | grey_non_uniformity_normalised | Low when zones are spread
    evenly over the grey levels.
zone_distance_non_uniformity | V294 | | size_non_uniformity | Low when zones are spread evenly over the
    distances; grows with the region.
normalised_zone_distance_non_uniformity | IATH | | size_non_uniformity_normalised | Low when zones are
    spread evenly over the distances.
zone_percentage | VIWW | | percentage | Number of zones divided by the number of voxels.
grey_level_variance | QK93 | | grey_variance | Variance of the grey levels of the zones.
zone_distance_variance | 7WT1 | | size_variance | Variance of the distances of the zones from the border.
zone_distance_entropy | GBDU | | entropy | Disorder of grey levels and distances of the zones.
"""

NGTDM = """
coarseness | QCDE | Coarseness | | High when voxels differ little from the mean of their neighbours.
contrast | 65HE | Contrast | | High when grey levels span a wide range and change fast.
busyness | NQ30 | Busyness | | High when grey levels change fast from voxel to voxel.
complexity | HDEZ | Complexity | | High when grey levels change fast and unevenly.
strength | 1X9X | Strength | | High when grey levels are distinct and change slowly.
"""

NGLDM = """
low_dependence_emphasis | SODN | SmallDependenceEmphasis | small | High when few neighbours share a voxel's
    grey level.
high_dependence_emphasis | IMOQ | LargeDependenceEmphasis | large | High when many neighbours share a
    voxel's grey level.
low_grey_level_count_emphasis | TL9H | LowGrayLevelEmphasis | low_grey | Mean of 1 / grey level²: high in
    dark regions.
high_grey_level_count_emphasis | OAE7 | HighGrayLevelEmphasis | high_grey | Mean of grey level²: high in
    bright regions.
low_dependence_low_grey_level_emphasis | EQ3F | SmallDependenceLowGrayLevelEmphasis | small_low_grey | High
    when dark voxels stand alone.
low_dependence_high_grey_level_emphasis | JA6D | SmallDependenceHighGrayLevelEmphasis | small_high_grey |
    High when bright voxels stand alone.
high_dependence_low_grey_level_emphasis | NBZI | LargeDependenceLowGrayLevelEmphasis | large_low_grey | High
    when dark voxels cluster.
high_dependence_high_grey_level_emphasis | 9QMG | LargeDependenceHighGrayLevelEmphasis | large_high_grey |
    High when bright voxels cluster.
grey_level_non_uniformity | FP8K | GrayLevelNonUniformity | grey_non_uniformity | Low when voxels are spread
    evenly over the grey levels; grows with the region.
normalised_grey_level_non_uniformity | 5SPA | | grey_non_uniformity_normalised | Low when voxels are spread
    evenly over the grey levels.
dependence_count_non_uniformity | Z87G | DependenceNonUniformity | size_non_uniformity | Low when the
    numbers of alike neighbours are spread evenly; grows with the region.
normalised_dependence_count_non_uniformity | OKJI | DependenceNonUniformityNormalized |
    size_non_uniformity_normalised | Low when the numbers of alike neighbours are spread evenly.
dependence_count_percentage | 6XV8 | | percentage | Number of neighbourhoods divided by the number of
    voxels; always 1 here.
grey_level_variance | 1PFV | GrayLevelVariance | grey_variance | Variance of the grey levels.
dependence_count_variance | DNX2 | DependenceVariance | size_variance | Variance of the number of alike
    neighbours.
dependence_count_entropy | FCBV | DependenceEntropy | entropy | Disorder of grey levels and numbers of alike
    neighbours.
dependence_count_energy | CAS9 | | energy | Order of grey levels and numbers of alike neighbours.
"""

SHAPE2D = """
mesh_surface | | MeshSurface | mm² | Area enclosed by the outline through the midpoints of the pixels' edges.
pixel_surface | | PixelSurface | mm² | Number of pixels times the area of one.
perimeter | | Perimeter | mm | Length of the outline.
perimeter_to_surface_ratio | | PerimeterSurfaceRatio | 1/mm | Length of the outline divided by the area.
sphericity | | Sphericity | | Perimeter of a circle of the same area divided by the perimeter; 1 for a circle.
spherical_disproportion | | SphericalDisproportion | | Perimeter divided by that of a circle of the same
    area; 1 for a circle.
maximum_diameter | | MaximumDiameter | mm | Largest distance between two points of the outline.
major_axis_length | | MajorAxisLength | mm | Length of the longer axis of the ellipse with the same spread.
minor_axis_length | | MinorAxisLength | mm | Length of the shorter axis of the ellipse with the same spread.
elongation | | Elongation | | Shorter axis divided by the longer; 1 is round, small is elongated.
"""
